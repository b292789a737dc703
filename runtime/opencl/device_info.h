#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/opencl/opencl.h"

namespace cascadecl {

// cpu; igpu = GPU whose memory is the host's (CL_DEVICE_HOST_UNIFIED_MEMORY); gpu = GPU with memory of its own.
enum class DeviceClass { cpu, igpu, gpu, other };
std::string_view to_string(DeviceClass device_class);

// Families of kernels. Any of them runs on any device.
//   cpu        a work-item does a large piece of work, in vectors of its own
//   gpu        many small work-items, in work-groups with local memory
//   reference  plain loops, to compare the others with
//   automatic  the family of the device
enum class KernelClass { automatic, cpu, gpu, reference };
std::string_view to_string(KernelClass kernels);  // "auto", "cpu", "gpu", "reference"

// One OpenCL device, and the facts about it that choices depend on.
struct DeviceInfo {
  int index = 0;                 // in the list of all devices of all platforms
  int platform = 0, device = 0;  // ocl:PLATFORM.DEVICE
  DeviceClass device_class = DeviceClass::other;
  std::string name, vendor, platform_name, opencl_version, driver_version;
  unsigned compute_units = 0;
  unsigned native_float_width = 1;
  std::size_t global_memory_bytes = 0, local_memory_bytes = 0, max_allocation_bytes = 0, max_work_group_size = 0;
  std::size_t alignment_bytes = 1;  // of sub-buffers
  bool fp64 = false, fp16 = false;  // as the device says, untried
  bool full_profile = true;         // else OpenCL's embedded profile
  cl::Device handle;
  KernelClass kernels = KernelClass::automatic;  // asked for; to be set before the device is opened
  bool serial = false;  // the second device of a processor, without threads of its own (serial_device.h)

  // The class that runs: what was asked for, else cpu on CPUs and gpu on all other devices.
  KernelClass kernel_class() const;
  // Whether work-items are given large pieces of work: for the CPU class, and for reference kernels on a CPU.
  bool coarse_items() const;
  // Channels that lie together in memory, b of the layout [N][C/b][H][W][b]. Where items are coarse it is 16, 8 or 4,
  // by the vector width; elsewhere 4.
  int channel_block() const;
  // The name under which devices share their default tuning: class and channel block, "cpu-16".
  std::string tuning_class() const;
};

// All devices of all platforms; empty where there is none. A platform that cannot be asked is left out.
std::vector<DeviceInfo> list_devices();

// Where list_devices() is empty: which platforms there are, and the likely cause.
std::string why_no_device();

// SPEC: auto | cpu[:i] | igpu[:i] | gpu[:i] | ocl:PLATFORM.DEVICE. auto takes the first gpu, else igpu, else cpu.
// Throws UsageError if the text is no SPEC, DeviceNotFoundError (listing those that are there) if nothing fits.
DeviceInfo select_device(std::string_view spec, const std::vector<DeviceInfo>& devices);

// One device for each of `stages` stages: a single SPEC for all, or a comma list of that length (else UsageError).
std::vector<DeviceInfo> select_stage_devices(std::string_view specs, std::size_t stages,
                                             const std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
