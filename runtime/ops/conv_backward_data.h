#pragma once
#include <memory>

#include "runtime/opencl/device.h"
#include "runtime/ops/conv_geometry.h"
#include "runtime/ops/conv_gradient.h"
#include "runtime/ops/filter_layout.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

namespace conv {
class GpuConv;
}  // namespace conv

// The gradient of a convolution by its input. Takes the class of the batches it is for.
class ConvBackwardData {
 public:
  struct Fusion {
    bool pair = false;               // the gradient comes as a pair
    MaskKind mask = MaskKind::none;  // batch_norm_relu: affine and ReLU, and the sums
    bool residual = false;           // adds `residual`, like in_gradient
    bool operator==(const Fusion&) const = default;
  };
  ConvBackwardData(const Device& device, const ConvGeometry& geometry, const Fusion& fusion, KernelClass kernels,
                   BatchClass batch = BatchClass::many);

  // False where the kernel does not do what the fusion asks beyond the plain gradient; the caller then passes a plain
  // gradient and applies mask, sums and residual itself.
  bool fused() const { return fused_; }
  void prepare(const Array<float>& weight);
  // in_gradient [n][C/b][H][W][b] by the values that the view gives, overwritten.
  void run(int n, const Gradient& out_gradient, const ConvMask& mask, const Array<float>& residual,
           const Array<float>& in_gradient);
  const VariantChoice& choice() const { return choice_; }
  // Of the converted filters; the reference kernel reads the caller's.
  std::size_t weight_bytes() const;

  // Whether a fusion can be had for this geometry, asked before the plan is laid out.
  static bool can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

 private:
  ConvGeometry geometry_;
  bool fused_ = false;
  VariantChoice choice_;
  conv::FilterLayout layout_;
  Kernel run_;
  std::size_t in_blocks_ = 1, in_padded_ = 1;
  Array<float> weights_;
  std::shared_ptr<conv::GpuConv> gpu_;  // runs instead, in the GPU class
};

}  // namespace cascadecl
