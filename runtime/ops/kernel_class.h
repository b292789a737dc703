#pragma once
#include "runtime/opencl/device_info.h"

namespace cascadecl {

// Throws DeviceNotFoundError if device.kernels asks for a class whose kernels the device cannot run. The text names
// what the device lacks and the classes that it runs. automatic always passes: operations fall back to reference
// kernels.
void check_kernel_class(const DeviceInfo& device);

}  // namespace cascadecl
