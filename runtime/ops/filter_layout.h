#pragma once
#include <cstddef>
#include <optional>

#include "runtime/opencl/device.h"
#include "runtime/ops/conv_geometry.h"

namespace cascadecl::conv {

// Filters as a kernel reads them. Turned: they compute the gradient by the input, so that the kernel's outputs are the
// convolution's input channels.
struct FilterShape {
  int in = 1, out = 1;  // channels that each output is computed from (those of its group), and outputs
  int kernel_h = 1, kernel_w = 1, groups = 1;
  bool turned = false;
  bool bias = false;  // a bias of the outputs lies behind the filters

  static FilterShape of(const ConvGeometry& geometry, bool bias = false);
  static FilterShape turned_of(const ConvGeometry& geometry);
};

// Brings filters [K][C/groups][R][S] into the layout of a convolution kernel (kernels/conv_weights.cl).
class FilterLayout {
 public:
  // [R][S][in][out padded], then the bias [out padded]
  static FilterLayout packed(const Device& device, const FilterShape& shape);
  // [36][in][out padded], for Winograd's F(4x4,3x3); then the bias
  static FilterLayout winograd(const Device& device, const FilterShape& shape);

  std::size_t floats() const { return filter_floats_ + bias_floats_; }  // of the layout
  // bias: [out]; empty where the shape has none.
  void run(const Array<float>& filters, const Array<float>& bias, const Array<float>& into);

 private:
  FilterLayout(const Device& device, const FilterShape& shape, const char* kernel, std::size_t filter_floats);

  Kernel kernel_, bias_kernel_;
  Range global_;
  std::optional<Range> group_;  // the driver's own where there is none
  std::size_t filter_floats_ = 0, bias_floats_ = 0;
};

// The filters and the bias that a convolution reads: in a layout of its kernel's, or as they are where that has none.
class Filters {
 public:
  Filters() = default;
  Filters(const Device& device, FilterLayout layout) : converted_(Converted{device, std::move(layout)}) {}

  // Enqueues the conversion of the filters [K][C/groups][R][S] and the bias [K]; again after each change of them.
  void prepare(const Array<float>& weight, const Array<float>& bias = {});
  // Filters that the caller has brought into the layout, in place of those prepared.
  void use(const Array<float>& prepared) { array_ = prepared; }
  const Array<float>& array() const { return array_; }
  const Array<float>& bias() const { return bias_; }  // where there is no layout that holds it
  std::size_t bytes() const;  // of the converted filters; filters as they are belong to the caller

 private:
  struct Converted {
    Device device;
    FilterLayout layout;
  };
  std::optional<Converted> converted_;
  Array<float> array_, bias_;
};

}  // namespace cascadecl::conv
