#pragma once
#include <string>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Whether a device computes in half, and if not, why.
struct HalfArithmetic {
  bool works = false;
  std::string reason;  // empty if it works
};

// Builds a small kernel, runs it and compares its results, whatever the device says of itself. Never throws for what
// the device cannot do.
HalfArithmetic probe_half_arithmetic(const Device& device);

}  // namespace cascadecl
