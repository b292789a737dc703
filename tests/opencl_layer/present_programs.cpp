// Programs and launches on a presented device: what its compiler knows, work-groups and local memory.
#include <algorithm>
#include <cstring>

#include "tests/opencl_layer/present.h"

namespace opencl_layer {
namespace {

// Put before the source. The device's own compiler keeps reading it, so that macros and comments count as ever.
std::string without_features(const std::vector<cl_device_id>& devices) {
  std::string lines;
  for (cl_device_id device : devices) {
    const Presentation* p = presentation_of(device);
    if (p && !p->fp64) {
      lines += "#undef cl_khr_fp64\n#undef __opencl_c_fp64\n";
      for (const char* type : {"double", "double2", "double3", "double4", "double8", "double16"})
        lines += std::string("#define ") + type + " this_device_has_no_double\n";
    }
    if (p && !p->fp16) lines += "#undef cl_khr_fp16\n#undef __opencl_c_fp16\n";
  }
  return lines.empty() ? lines : lines + "#line 1\n";
}

cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char** texts, const size_t* lengths,
                                      cl_int* status) {
  const std::string before = without_features(devices_of(context));
  if (before.empty() || !texts) return below().clCreateProgramWithSource(context, count, texts, lengths, status);
  std::vector<const char*> all_texts = {before.c_str()};
  std::vector<size_t> all_lengths = {before.size()};
  for (cl_uint i = 0; i < count; ++i) {
    if (!texts[i]) return below().clCreateProgramWithSource(context, count, texts, lengths, status);
    all_texts.push_back(texts[i]);
    all_lengths.push_back(lengths && lengths[i] ? lengths[i] : std::strlen(texts[i]));
  }
  return below().clCreateProgramWithSource(context, count + 1, all_texts.data(), all_lengths.data(), status);
}

template <class T>
T kernel_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what) {
  T value = {};
  below().clGetKernelWorkGroupInfo(kernel, device, what, sizeof value, &value, nullptr);
  return value;
}

struct Group {
  size_t sizes[3] = {};
  size_t items() const { return sizes[0] * sizes[1] * sizes[2]; }
};

// 0 items where the driver chooses.
size_t group_items(cl_kernel kernel, cl_device_id device, cl_uint dimensions, const size_t* local) {
  const auto demanded = kernel_info<Group>(kernel, device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE).items();
  if (!local) return demanded;
  size_t items = 1;
  for (cl_uint i = 0; i < dimensions; ++i) items *= local[i];
  return items;
}

cl_int launch_fault(const Presentation& p, cl_kernel kernel, cl_device_id device, cl_uint dimensions,
                    const size_t* local) {
  if (p.work_group && group_items(kernel, device, dimensions, local) > *p.work_group) return CL_INVALID_WORK_GROUP_SIZE;
  if (p.local_memory && kernel_info<cl_ulong>(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE) > *p.local_memory)
    return CL_OUT_OF_RESOURCES;
  return memory_is_short(device) ? CL_MEM_OBJECT_ALLOCATION_FAILURE : CL_SUCCESS;
}

cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t* offset,
                          const size_t* global, const size_t* local, cl_uint wait_count, const cl_event* waits,
                          cl_event* event) {
  cl_device_id device = device_of(queue);
  if (const Presentation* p = presentation_of(device)) {
    const cl_int fault = launch_fault(*p, kernel, device, dimensions, local);
    if (fault != CL_SUCCESS) return fault;
  }
  return below().clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, wait_count, waits, event);
}

cl_int CL_API_CALL get_work_group_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what,
                                       size_t room, void* out, size_t* needed) {
  const Presentation* p = presentation_of(device);
  if (!p || !p->work_group || what != CL_KERNEL_WORK_GROUP_SIZE)
    return below().clGetKernelWorkGroupInfo(kernel, device, what, room, out, needed);
  const size_t items = std::min(kernel_info<size_t>(kernel, device, what), *p->work_group);
  return give_info(&items, sizeof items, room, out, needed);
}

}  // namespace

void replace_programs(cl_icd_dispatch& entries) {
  entries.clCreateProgramWithSource = create_program;
  entries.clEnqueueNDRangeKernel = launch;
  entries.clGetKernelWorkGroupInfo = get_work_group_info;
}

}  // namespace opencl_layer
