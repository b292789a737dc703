#pragma once
#include <map>
#include <optional>
#include <string>

#include "tests/opencl_layer/layer.h"

// The layer `present` shows devices as others than they are, so that what the program does on a GPU, on an integrated
// one or on one of small limits is tested on a machine that has none. What it says holds too: what such a device would
// refuse is refused.
//
//   OPENCL_LAYERS=build/release/tests/libopencl_present.so
//   OPENCL_PRESENT="0.0 class=igpu, work_group=64; 0.1 class=gpu, name=Toy GPU, no_fp64"
//
// One entry for each device to be presented, separated by ';': its place PLATFORM.DEVICE as in cascadecl's
// ocl:PLATFORM.DEVICE, then facts, separated by ','. Devices without an entry, and facts not named, stay as they are.
//
//   class=cpu|igpu|gpu   CL_DEVICE_TYPE, also where devices are asked for by type, and CL_DEVICE_HOST_UNIFIED_MEMORY
//   name=, vendor=, driver=   texts; without a name, "... presented as igpu" is put behind the device's own
//   compute_units=N
//   work_group=N         items of the largest work-group. Launches with a larger one, given or demanded by the kernel,
//                        get CL_INVALID_WORK_GROUP_SIZE
//   local_memory=BYTES   launches of kernels that take more get CL_OUT_OF_RESOURCES
//   memory=BYTES         global memory. A buffer with which all would be larger gets CL_MEM_OBJECT_ALLOCATION_FAILURE
//   allocation=BYTES     of one buffer. A larger one gets CL_INVALID_BUFFER_SIZE
//   memory_at_use        buffers beyond `memory` can be created, as many drivers let one; launches and transfers get
//                        CL_MEM_OBJECT_ALLOCATION_FAILURE while there are any
//   alignment=BITS       of sub-buffers (CL_DEVICE_MEM_BASE_ADDR_ALIGN). Others get CL_MISALIGNED_SUB_BUFFER_OFFSET
//   address_bits=32
//   no_fp64              no extension, no configuration; source that says double does not build
//   no_fp16              the same for half beyond storage: cl_khr_fp16 is not defined
namespace opencl_layer {

struct Presentation {
  std::string device_class, name, vendor, driver;  // empty: the device's own
  std::optional<cl_uint> compute_units, alignment_bits, address_bits;
  std::optional<size_t> work_group;
  std::optional<cl_ulong> local_memory, memory, allocation;
  bool memory_at_use = false, fp64 = true, fp16 = true;
};

// The entries of OPENCL_PRESENT by place; refuse_setting() for what is not as above.
std::map<std::string, Presentation> parse_presentations(const std::string& text);

// How a device is presented; null if it is shown as it is.
const Presentation* presentation_of(cl_device_id device);

// clGetDeviceIDs, clCreateContextFromType and clGetDeviceInfo as presented.
void replace_device_queries(cl_icd_dispatch& entries);
// Buffers, sub-buffers, and launches and transfers while memory is short.
void replace_memory(cl_icd_dispatch& entries);
// Programs from source, work-groups and local memory of launches.
void replace_programs(cl_icd_dispatch& entries);

// Whether the buffers on this device take more than it has.
bool memory_is_short(cl_device_id device);

}  // namespace opencl_layer
