#pragma once
#include "runtime/ops/conv_geometry.h"
#include "runtime/ops/conv_gradient.h"
#include "runtime/ops/view.h"

// The three directions of a convolution: what each can be asked for, and the arrays of one run.
namespace cascadecl {

// Work fused into a convolution: the view on its input, the bias and the residual it adds, the statistics it takes of
// its output.
struct ConvFusion {
  ViewKind view;
  bool residual = false;    // out = conv(view(in)) + residual
  bool statistics = false;  // batch-norm moments of the result, see batch_norm.h
  bool bias = false;        // out = conv(view(in)) + bias[k] (+ residual)
  bool operator==(const ConvFusion&) const = default;
};

// Work fused into the gradient by the input.
struct ConvDataFusion {
  bool deferred = false;           // the gradient by the output is (conv_gradient.h)
  MaskKind mask = MaskKind::none;  // batch_norm_relu: affine and ReLU, and the sums
  bool residual = false;           // adds `residual`, like in_gradient
  bool operator==(const ConvDataFusion&) const = default;
};

namespace conv {

// Operands only refer to their arrays: they live as long as the call that they are made for.

struct Forward {
  struct Problem {
    ConvGeometry geometry;
    ConvFusion fusion;
  };
  struct Operands {
    const View& in;
    const ActivationArray &residual, &out;
    const Array<float>& moments;
  };
};

struct BackwardData {
  struct Problem {
    ConvGeometry geometry;
    ConvDataFusion fusion;
  };
  struct Operands {
    const Gradient& out_gradient;
    const ConvMask& mask;
    const Array<float>&residual, &in_gradient;
  };
};

struct BackwardFilter {
  struct Problem {
    ConvGeometry geometry;
    ViewKind view;
    bool deferred = false;  // the gradient by the output is (conv_gradient.h)
  };
  struct Operands {
    const View& in;
    const Gradient& out_gradient;
    const Array<float>&workspace, &weight_gradient;
  };
};

}  // namespace conv
}  // namespace cascadecl
