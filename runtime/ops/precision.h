#pragma once
#include <string_view>

#include "runtime/opencl/device_info.h"
#include "runtime/ops/layout.h"

namespace cascadecl {

// What results name: "fp32", or "fp16 storage", because what is computed from halves is float.
std::string_view to_string(Precision precision);

// Throws DeviceNotFoundError, which says what the device can run, unless it can keep activations in this precision.
void require_precision(const DeviceInfo& device, Precision precision);

}  // namespace cascadecl
