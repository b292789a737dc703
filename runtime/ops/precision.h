#pragma once
#include <string_view>

#include "runtime/opencl/device_info.h"
#include "runtime/ops/layout.h"

namespace cascadecl {

// The name of a precision in results: "fp32", or "fp16 storage", because everything that is computed from halves is
// float.
std::string_view to_string(Precision precision);

// Throws DeviceNotFoundError unless the device can keep activations in this precision. The text says what it can run.
void require_precision(const DeviceInfo& device, Precision precision);

}  // namespace cascadecl
