#pragma once
#include "runtime/ops/conv.h"

namespace cascadecl::conv {

// A kernel of the GPU class that computes a convolution, or the gradient by its input.
class GpuConv {
 public:
  GpuConv() = default;
  GpuConv(const GpuConv&) = delete;
  GpuConv& operator=(const GpuConv&) = delete;
  virtual ~GpuConv() = default;
  // Enqueues the conversion of the filters [K][C][R][S]; again after each change of them.
  virtual void prepare(const Array<float>& weight) = 0;
  // For the gradient `in` is the gradient by the output and `out` that by the input.
  virtual void run(int n, const View& in, const Activation& residual, const Activation& out) = 0;
  virtual std::size_t weight_bytes() const = 0;
};

enum class Direction { forward, backward };

}  // namespace cascadecl::conv
