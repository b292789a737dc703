#pragma once
#include <memory>

#include "runtime/ops/conv_problem.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

namespace conv {
template <class Direction>
class Convolution;
}  // namespace conv

// The gradient of a convolution by its input. Takes the class of the batches it is for.
class ConvBackwardData {
 public:
  using Fusion = ConvDataFusion;

  // Throws ShapeError for a fusion where can_fuse() is false.
  ConvBackwardData(const Device& device, const ConvGeometry& geometry, const Fusion& fusion, KernelClass kernels,
                   BatchClass batch = BatchClass::many);

  // Whether fusions can be had for this geometry. If not, the caller passes a plain gradient and applies mask, sums and
  // residual itself.
  static bool can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

  void prepare(const Array<float>& weight);
  // in_gradient [n][C/b][H][W][b] by the values that the view gives, overwritten.
  void run(int n, const Gradient& out_gradient, const ConvMask& mask, const Array<float>& residual,
           const Array<float>& in_gradient);
  const VariantChoice& choice() const { return choice_; }
  // Of the converted filters; the reference kernel reads the caller's.
  std::size_t weight_bytes() const;

 private:
  VariantChoice choice_;
  std::shared_ptr<conv::Convolution<conv::BackwardData>> convolution_;
};

}  // namespace cascadecl
