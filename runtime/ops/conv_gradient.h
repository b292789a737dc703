#pragma once
#include "runtime/opencl/array.h"

namespace cascadecl {

// The gradient by a tensor as its consumer reads it: `data` itself, or a deferred gradient. That is the gradient behind
// a batch norm that is not applied yet: scale * data + norm_input_scale * norm_input + shift by channel, where
// norm_input is what the batch norm reads (batch_norm.h).
struct Gradient {
  Array<float> data;
  Array<float> scale, shift, norm_input, norm_input_scale;  // all empty, or all there
  bool is_deferred() const { return !norm_input.empty(); }
};

// The mask of a gradient: it is zero where the ReLU of the input's view let nothing through. With the sums that the
// batch norm's backward needs.
struct ConvMask {
  Array<float> tensor, scale, shift, mean;  // t, view scale and shift, batch mean; by kind
  Array<float> sums;                        // [n][2][C padded]
};
enum class MaskKind { none, relu, batch_norm_relu };

}  // namespace cascadecl
