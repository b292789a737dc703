#pragma once
#include <memory>

#include "runtime/ops/conv_problem.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

namespace conv {
template <class Direction>
class Convolution;
}  // namespace conv

// The gradient of a convolution by its filters. Takes the class of the batches it is for.
class ConvBackwardFilter {
 public:
  // deferred: the gradient by the output is (conv_gradient.h). Throws ShapeError where can_fuse() is false.
  ConvBackwardFilter(const Device& device, const ConvGeometry& geometry, ViewKind view, bool deferred,
                     KernelClass kernels, BatchClass batch = BatchClass::many);

  // Whether a deferred gradient can be read for this geometry.
  static bool can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

  // `workspace` is shared by all layers of a plan; it needs workspace_floats().
  std::size_t workspace_floats() const;
  // weight_gradient [K][C/groups][R][S], overwritten. The images are summed in fixed slices and order.
  void run(int n, const View& in, const Gradient& out_gradient, const Array<float>& workspace,
           const Array<float>& weight_gradient);
  const VariantChoice& choice() const { return choice_; }

 private:
  VariantChoice choice_;
  std::shared_ptr<conv::Convolution<conv::BackwardFilter>> convolution_;
};

}  // namespace cascadecl
