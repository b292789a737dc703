#pragma once
#include "runtime/opencl/device_info.h"

namespace cascadecl {

// Throws DeviceNotFoundError, naming what the device lacks and the classes that it runs, if device.kernels asks for a
// class whose kernels it cannot run. automatic always passes: what cannot run then falls back to reference kernels.
void check_kernel_class(const DeviceInfo& device);

}  // namespace cascadecl
