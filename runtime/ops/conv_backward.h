#pragma once
#include <string>

#include "runtime/ops/conv.h"

namespace cascadecl {

// Both gradients of a convolution behind a ReLU in one pass over its images: what ConvBackwardData and
// ConvBackwardFilter do, with everything read once.
class ConvBackward {
 public:
  struct Fusion {
    bool pair = false;        // the gradient comes as a pair
    bool batch_norm = false;  // the input's view has a batch norm before its ReLU: sums for its backward
  };

  // Empty if the device can run the geometry so, else why not.
  static std::string declines(const Device& device, const ConvGeometry& geometry, ViewKind view, KernelClass kernels);

  ConvBackward(const Device& device, const ConvGeometry& geometry, const Fusion& fusion, BatchClass batch);

  // `workspace` is shared by all layers of a plan; it needs workspace_floats().
  std::size_t workspace_floats() const { return workspace_floats_; }
  void prepare(const Array<float>& weight);
  //   mask             the input as its view reads it, as for ConvBackwardData
  //   in_gradient      [n][C/b][H][W][b] by the value before the view's ReLU, overwritten
  //   weight_gradient  [K][C][3][3], overwritten; the images are summed in fixed slices and order
  void run(int n, const Gradient& out_gradient, const ConvMask& mask, const Array<float>& workspace,
           const Array<float>& in_gradient, const Array<float>& weight_gradient);

  const VariantChoice& choice() const { return choice_; }
  std::size_t weight_bytes() const { return weights_.size() * sizeof(float); }

 private:
  VariantChoice choice_;
  Kernel prepare_, run_, reduce_;
  Range prepare_range_, prepare_group_, reduce_range_;
  std::size_t slices_ = 1, workspace_floats_ = 0;
  Array<float> weights_;
};

}  // namespace cascadecl
