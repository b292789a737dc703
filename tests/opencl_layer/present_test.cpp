#include <doctest/doctest.h>

#include <vector>

#include "runtime/opencl/opencl.h"

// What a presented device refuses. CMake runs these tests behind the layer with OPENCL_PRESENT as below.
namespace {

constexpr cl_ulong allocation = 1 << 20;
constexpr std::size_t work_group = 32, alignment_bytes = 4096;

// The status of the first call that fails in f, CL_SUCCESS if none does.
template <class F>
cl_int status_of(F f) {
  try {
    f();
  } catch (const cl::Error& error) {
    return error.err();
  }
  return CL_SUCCESS;
}

struct Presented {
  Presented() {
    cl::Platform::get().getDevices(CL_DEVICE_TYPE_GPU, &devices);
    REQUIRE(devices.size() == 1);
    context = cl::Context(devices[0]);
    queue = cl::CommandQueue(context, devices[0]);
  }
  cl::Kernel build(const char* source) const {
    cl::Program program(context, source);
    program.build(devices);
    return cl::Kernel(program, "k");
  }
  cl_int launch(const cl::Kernel& kernel, const cl::NDRange& group) {
    return status_of([&] {
      queue.enqueueNDRangeKernel(kernel, cl::NullRange, cl::NDRange(64), group);
      queue.finish();
    });
  }
  std::vector<cl::Device> devices;
  cl::Context context;
  cl::CommandQueue queue;
};

TEST_CASE("a device presented as a GPU is no CPU, by type and by its facts") {
  const Presented gpu;
  std::vector<cl::Device> cpus;
  cl::Platform::get().getDevices(CL_DEVICE_TYPE_CPU, &cpus);
  CHECK(cpus.empty());
  const cl::Device& device = gpu.devices[0];
  CHECK(device.getInfo<CL_DEVICE_TYPE>() == CL_DEVICE_TYPE_GPU);
  CHECK(device.getInfo<CL_DEVICE_MAX_WORK_GROUP_SIZE>() == work_group);
  CHECK(device.getInfo<CL_DEVICE_MAX_WORK_ITEM_SIZES>()[0] == work_group);
  CHECK(device.getInfo<CL_DEVICE_MEM_BASE_ADDR_ALIGN>() == alignment_bytes * 8);
  CHECK(device.getInfo<CL_DEVICE_ADDRESS_BITS>() == 32);
  CHECK(device.getInfo<CL_DEVICE_EXTENSIONS>().find("cl_khr_fp64") == std::string::npos);
}

TEST_CASE("work-groups larger than it has are refused, given or demanded") {
  Presented gpu;
  const cl::Kernel plain = gpu.build("kernel void k() {}");
  CHECK(gpu.launch(plain, cl::NDRange(32)) == CL_SUCCESS);
  CHECK(gpu.launch(plain, cl::NDRange(64)) == CL_INVALID_WORK_GROUP_SIZE);
  const cl::Kernel demanding = gpu.build("__attribute__((reqd_work_group_size(64, 1, 1))) kernel void k() {}");
  CHECK(gpu.launch(demanding, cl::NullRange) == CL_INVALID_WORK_GROUP_SIZE);
}

TEST_CASE("a kernel of more local memory than it has is refused") {
  Presented gpu;
  const char* source = "kernel void k(global int* o) { local int l[SIZE]; l[get_local_id(0)] = 1; *o = l[0]; }";
  const cl::Buffer out(gpu.context, CL_MEM_READ_WRITE, 4);
  for (const auto& [size, expected] : {std::pair("100", CL_SUCCESS), std::pair("1000", CL_OUT_OF_RESOURCES)}) {
    cl::Kernel kernel = gpu.build((std::string("#define SIZE ") + size + "\n" + source).c_str());
    kernel.setArg(0, out);
    // The layer goes by what the OpenCL below says of a kernel.
    if (kernel.getWorkGroupInfo<CL_KERNEL_LOCAL_MEM_SIZE>(gpu.devices[0]) == 0) {
      MESSAGE("skipped: this OpenCL tells of no local memory");
      return;
    }
    CHECK(gpu.launch(kernel, cl::NDRange(32)) == expected);
  }
}

TEST_CASE("buffers beyond one allocation or the whole memory are refused, and freed memory is there again") {
  const Presented gpu;
  const auto make = [&](std::size_t bytes) { return cl::Buffer(gpu.context, CL_MEM_READ_WRITE, bytes); };
  CHECK(status_of([&] { make(allocation + 1); }) == CL_INVALID_BUFFER_SIZE);
  {
    std::vector<cl::Buffer> all;
    for (int i = 0; i < 3; ++i) all.push_back(make(allocation));
    CHECK(status_of([&] { make(1); }) == CL_MEM_OBJECT_ALLOCATION_FAILURE);
  }
  CHECK(status_of([&] { make(allocation); }) == CL_SUCCESS);
}

TEST_CASE("sub-buffers that do not lie aligned are refused") {
  const Presented gpu;
  cl::Buffer buffer(gpu.context, CL_MEM_READ_WRITE, 4 * alignment_bytes);
  for (const auto& [origin, expected] :
       {std::pair(alignment_bytes, CL_SUCCESS), std::pair(alignment_bytes / 2, CL_MISALIGNED_SUB_BUFFER_OFFSET)}) {
    const cl_buffer_region region{origin, 64};
    CHECK(status_of([&] { buffer.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region); }) ==
          expected);
  }
}

TEST_CASE("source of doubles does not build, a comment on them does") {
  const Presented gpu;
  CHECK(status_of([&] { gpu.build("kernel void k() {} // no double"); }) == CL_SUCCESS);
  CHECK(status_of([&] { gpu.build("kernel void k(global double* x) {}"); }) == CL_BUILD_PROGRAM_FAILURE);
  CHECK(status_of([&] { gpu.build("#ifdef cl_khr_fp64\n#error has it\n#endif\nkernel void k() {}"); }) == CL_SUCCESS);
}

}  // namespace
