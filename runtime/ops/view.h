#pragma once
#include "runtime/opencl/kernel.h"
#include "runtime/ops/activation.h"

namespace cascadecl {

// Tells kernels the precision of their activations (kernels/common.h).
inline void define_precision(Precision precision, Defines& defines) {
  if (precision == Precision::fp16) defines.set("HALF_STORAGE", 1);
}

// How an operation reads its input: v = relu?(scale[c] * x + shift[c]), applied while loading. So batch norm and ReLU
// cost no launch and no memory of their own. `scale` and `shift` are [C padded to the block]; both empty means v = x.
// `precision`: of all activations that the operation reads and writes.
struct ViewKind {
  bool affine = false, relu = false;
  Precision precision = Precision::fp32;
  bool operator==(const ViewKind&) const = default;
  void define(Defines& defines) const {
    defines.set("VIEW_AFFINE", affine ? 1 : 0);
    defines.set("VIEW_RELU", relu ? 1 : 0);
    define_precision(precision, defines);
  }
};

// An activation [n][C/b][H][W][b] seen through a view.
struct View {
  Activation data;
  Array<float> scale, shift;
};

}  // namespace cascadecl
