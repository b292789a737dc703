#include "runtime/ops/kernel_class.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/conv_gemm.h"

namespace cascadecl {

void check_kernel_class(const DeviceInfo& device) {
  if (device.kernels != KernelClass::gpu) return;
  const std::string declined = conv::gemm_declines(device);
  if (declined.empty()) return;
  throw DeviceNotFoundError(fmt::format(
      "device {}: kernel class gpu {}; the device can run the classes cpu and reference", device.name, declined));
}

}  // namespace cascadecl
