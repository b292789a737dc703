#pragma once
#include "runtime/opencl/device.h"
#include "runtime/ops/conv_gradient.h"
#include "runtime/ops/image_shape.h"

namespace cascadecl {

// The gradient of a convolution by its bias: the sum of the gradient by its output over images and pixels. The other
// gradients do not depend on the bias.
class ConvBackwardBias {
 public:
  // out: what the convolution writes; deferred: the gradient by it is (conv_gradient.h).
  ConvBackwardBias(const Device& device, ImageShape out, bool deferred);

  // `workspace` is shared by all layers of a plan; it needs workspace_floats().
  std::size_t workspace_floats() const { return workspace_floats_; }
  // bias_gradient [K], overwritten. The images are summed in fixed slices and order.
  void run(int n, const Gradient& out_gradient, const Array<float>& workspace, const Array<float>& bias_gradient);

 private:
  Device device_;
  Kernel run_, reduce_;
  Range range_;
  std::size_t workspace_floats_;
};

}  // namespace cascadecl
