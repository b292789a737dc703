#pragma once
#include <cstddef>

#include "runtime/ops/image_shape.h"

namespace cascadecl {

// A convolution without bias: [n][in] -> [n][out()], square stride, symmetric padding.
struct ConvGeometry {
  ImageShape in;
  int out_channels = 0, kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;
  ImageShape out() const;
  std::size_t weight_count() const;  // elements of [K][C][R][S]
};

}  // namespace cascadecl
