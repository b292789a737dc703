#pragma once
#include <cstddef>

#include "runtime/opencl/device.h"

namespace cascadecl::conv {

// Brings filters [K][C][R][S] into the layout of a convolution kernel (kernels/conv_weights.cl), for a convolution
// from `in` to `out` channels. Turned: it is the one that computes the gradient by the input, from K to C channels.
class FilterLayout {
 public:
  FilterLayout() = default;
  // [R][S][in][out padded]
  static FilterLayout packed(const Device& device, int in, int out, int kernel_h, int kernel_w, bool turned);
  // [36][in][out padded], for Winograd's F(4x4,3x3)
  static FilterLayout winograd(const Device& device, int in, int out, bool turned);

  std::size_t floats() const { return floats_; }  // of the layout
  void run(const Array<float>& filters, const Array<float>& into) { kernel_(global_, group_, filters, into); }

 private:
  Kernel kernel_;
  Range global_, group_;
  std::size_t floats_ = 0;
};

}  // namespace cascadecl::conv
