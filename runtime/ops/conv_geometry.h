#pragma once
#include <cstddef>

#include "runtime/ops/image_shape.h"

namespace cascadecl {

// A convolution [n][in] -> [n][out()], square stride, symmetric padding. Its channels fall into `groups` equal groups,
// in order: an output channel reads the input channels of its own group alone. groups divides both numbers of channels;
// in as many groups as input channels the convolution is depthwise.
struct ConvGeometry {
  ImageShape in;
  int out_channels = 0, kernel_h = 1, kernel_w = 1, stride = 1, padding = 0, groups = 1;
  ImageShape out() const;
  int group_inputs() const { return in.channels / groups; }  // channels that each output channel reads
  std::size_t weight_count() const;                          // elements of [K][C/groups][R][S]
};

}  // namespace cascadecl
