#include "runtime/ops/precision.h"

#include <fmt/format.h>

#include "data/files/error.h"

namespace cascadecl {

std::string_view to_string(Precision precision) { return precision == Precision::fp16 ? "fp16 storage" : "fp32"; }

// Loading and storing halves belongs to the core language; the embedded profile may round them otherwise.
void require_precision(const DeviceInfo& device, Precision precision) {
  if (precision == Precision::fp32 || device.full_profile) return;
  throw DeviceNotFoundError(fmt::format(
      "device {}: precision fp16 needs OpenCL's full profile, the device has the embedded one; it can run fp32",
      device.name));
}

}  // namespace cascadecl
