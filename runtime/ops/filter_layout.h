#pragma once
#include <cstddef>
#include <optional>

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
  void run(const Array<float>& filters, const Array<float>& into);

 private:
  Kernel kernel_;
  Range global_;
  std::optional<Range> group_;  // the driver's own where there is none
  std::size_t floats_ = 0;
};

// The filters that a convolution reads: in a layout of its kernel's, or as they are where that has none.
class Filters {
 public:
  Filters() = default;
  Filters(const Device& device, FilterLayout layout) : converted_(Converted{device, std::move(layout)}) {}

  // Enqueues the conversion of the filters [K][C][R][S]; again after each change of them.
  void prepare(const Array<float>& weight);
  // Filters that the caller has brought into the layout, in place of those prepared.
  void use(const Array<float>& prepared) { array_ = prepared; }
  const Array<float>& array() const { return array_; }
  std::size_t bytes() const;  // of the converted filters; filters as they are belong to the caller

 private:
  struct Converted {
    Device device;
    FilterLayout layout;
  };
  std::optional<Converted> converted_;
  Array<float> array_;
};

}  // namespace cascadecl::conv
