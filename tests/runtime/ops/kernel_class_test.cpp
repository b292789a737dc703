#include "runtime/ops/kernel_class.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {

TEST_CASE("a device runs the class that was asked for, else that of its kind") {
  DeviceInfo device{.device_class = DeviceClass::cpu, .native_float_width = 16};
  CHECK(device.kernel_class() == KernelClass::cpu);
  CHECK(device.channel_block() == 16);
  device.kernels = KernelClass::reference;
  CHECK(device.kernel_class() == KernelClass::reference);
  CHECK(device.coarse_items());
  device.kernels = KernelClass::gpu;
  CHECK_FALSE(device.coarse_items());
  CHECK(device.channel_block() == 4);

  DeviceInfo gpu{.device_class = DeviceClass::igpu};
  CHECK(gpu.kernel_class() == KernelClass::gpu);
  CHECK(gpu.channel_block() == 4);
  gpu.kernels = KernelClass::cpu;
  CHECK(gpu.coarse_items());
}

TEST_CASE("a class that the device cannot run is refused with what it lacks and what it can run") {
  DeviceInfo device{.name = "tiny", .local_memory_bytes = 32768, .max_work_group_size = 16};
  check_kernel_class(device);
  device.kernels = KernelClass::cpu;
  check_kernel_class(device);
  device.kernels = KernelClass::gpu;
  CHECK(
      error_of<DeviceNotFoundError>([&] { check_kernel_class(device); }) ==
      "device tiny: kernel class gpu needs work-groups of 64 items, the device has 16; the device can run the classes "
      "cpu and reference");
  device.max_work_group_size = 64;
  check_kernel_class(device);
}

}  // namespace cascadecl
