#pragma once
#include "runtime/network/network.h"
#include "runtime/opencl/array.h"
#include "runtime/opencl/kernel.h"

namespace cascadecl {

// How an operation reads its input: v = relu?(scale[c] * x + shift[c]), applied while loading. So batch norm and ReLU
// cost no launch and no memory of their own. `scale` and `shift` are [C padded to the block]; both empty means v = x.
struct ViewKind {
  bool affine = false, relu = false;
  bool operator==(const ViewKind&) const = default;
  void define(Defines& defines) const {
    defines.set("VIEW_AFFINE", affine ? 1 : 0);
    defines.set("VIEW_RELU", relu ? 1 : 0);
  }
};

// An activation [n][C/b][H][W][b] seen through a view.
struct View {
  Array<float> data;
  Array<float> scale, shift;
};

}  // namespace cascadecl
