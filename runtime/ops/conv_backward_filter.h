#pragma once
#include <memory>

#include "runtime/opencl/device.h"
#include "runtime/ops/conv_geometry.h"
#include "runtime/ops/conv_gradient.h"
#include "runtime/ops/variant.h"
#include "runtime/ops/view.h"

namespace cascadecl {

namespace conv {
class GemmFilter;
}  // namespace conv

// The gradient of a convolution by its filters. Takes the class of the batches it is for.
class ConvBackwardFilter {
 public:
  // `workspace` is shared by all layers of a plan; it needs workspace_floats().
  ConvBackwardFilter(const Device& device, const ConvGeometry& geometry, ViewKind view, bool pair, KernelClass kernels,
                     BatchClass batch = BatchClass::many);
  std::size_t workspace_floats() const { return workspace_floats_; }
  // weight_gradient [K][C][R][S], overwritten. The images are summed in fixed slices and order.
  void run(int n, const View& in, const Gradient& out_gradient, const Array<float>& workspace,
           const Array<float>& weight_gradient);
  const VariantChoice& choice() const { return choice_; }
  static bool can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

 private:
  ConvGeometry geometry_;
  VariantChoice choice_;
  Kernel run_, reduce_;
  Range range_, reduce_range_;
  std::size_t workspace_floats_ = 0;
  std::shared_ptr<conv::GemmFilter> gpu_;  // runs instead, in the GPU class
};

}  // namespace cascadecl
