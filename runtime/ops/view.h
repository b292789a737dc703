#pragma once
#include <fmt/format.h>

#include <string>

#include "runtime/opencl/kernel.h"
#include "runtime/ops/activation_array.h"
#include "runtime/ops/activation_function.h"

namespace cascadecl {

// Tells kernels the precision of their activations (kernels/common.h).
inline void define_precision(Precision precision, Defines& defines) {
  if (precision == Precision::fp16) defines.set("HALF_STORAGE", 1);
}

// Tells kernels the activation function of a view, whose defines begin with `prefix`.
inline void define_activation(const ActivationFunction& function, const std::string& prefix, Defines& defines) {
  defines.set(prefix + "_ACTIVATION", static_cast<long>(function.kind));
  if (function.kind != ActivationFunction::Kind::clip) return;
  defines.set(prefix + "_LOW", fmt::format("({:.9e}f)", function.low));
  defines.set(prefix + "_HIGH", fmt::format("({:.9e}f)", function.high));
}

// How an operation reads its input: v = activation(scale[c] * x + shift[c]), applied while loading. So batch norm and
// activation functions cost no launch and no memory of their own. `scale` and `shift` are [C padded to the block]; both
// empty means v = activation(x). `precision`: of all activations that the operation reads and writes.
struct ViewKind {
  bool affine = false;
  ActivationFunction activation = {};
  Precision precision = Precision::fp32;
  bool operator==(const ViewKind&) const = default;
  void define(Defines& defines) const {
    defines.set("VIEW_AFFINE", affine ? 1 : 0);
    define_activation(activation, "VIEW", defines);
    define_precision(precision, defines);
  }
};

// An activation [n][C/b][H][W][b] seen through a view.
struct View {
  ActivationArray data;
  Array<float> scale, shift;
};

}  // namespace cascadecl
