#pragma once
#include <cstddef>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Device memory that a plan holds, in bytes, by its use.
struct PlanMemory {
  std::size_t activations = 0;    // tensors of the forward pass
  std::size_t gradients = 0;      // by these, and by the parameters
  std::size_t weights = 0;        // parameters as they are in the model, and their momentum
  std::size_t transformed = 0;    // filters in the layouts of the kernels
  std::size_t scratch = 0;        // workspaces, coefficients of batch norm
  std::size_t largest_array = 0;  // of these; only if the memory was found without building the plan
  std::size_t total() const { return activations + gradients + weights + transformed + scratch; }
};

// Counts the bytes that are allocated on a device between two calls.
class AllocationMeter {
 public:
  explicit AllocationMeter(const Device& device) : device_(device), last_(device.allocated_bytes()) {}
  // Bytes since the call before.
  std::size_t lap() {
    const std::size_t before = last_;
    last_ = device_.allocated_bytes();
    return last_ - before;
  }

 private:
  Device device_;
  std::size_t last_;
};

}  // namespace cascadecl
