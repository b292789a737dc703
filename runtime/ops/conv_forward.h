#pragma once
#include <memory>

#include "runtime/ops/conv_problem.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

namespace conv {
template <class Direction>
class Convolution;
}  // namespace conv

// out = conv(view(in)). Takes the class of the batches it is for: its tunables may depend on it.
class ConvForward {
 public:
  ConvForward(const Device& device, const ConvGeometry& geometry, const ConvFusion& fusion, KernelClass kernels,
              BatchClass batch = BatchClass::many);

  // Enqueues the conversion of the filters [K][C/groups][R][S] and, with fusion.bias, the bias [K] to the kernel's
  // layout; again after each change of them.
  void prepare(const Array<float>& weight, const Array<float>& bias = {});
  // Makes the next runs read filters that the caller has brought into the kernel's layout; and returns those that it
  // reads.
  void use(const Array<float>& prepared);
  const Array<float>& weights() const;

  // Few images are split over the device's cores, unless they are measured.
  //   in        [n][C/b][H][W][b], by the view given at construction
  //   residual  like out (may be out itself); empty without fusion.residual
  //   out       [n][K/b][OH][OW][b]
  //   moments   [n][2][K padded], written where fuses_statistics()
  void run(int n, const View& in, const ActivationArray& residual, const ActivationArray& out,
           const Array<float>& moments);

  const VariantChoice& choice() const { return choice_; }
  // Whether the statistics that the fusion asks for are taken; if not, the caller measures the result.
  bool fuses_statistics() const { return statistics_; }
  // Of the converted filters; the reference kernel reads the caller's.
  std::size_t weight_bytes() const;

 private:
  bool statistics_;
  VariantChoice choice_;
  std::shared_ptr<conv::Convolution<conv::Forward>> convolution_;
};

}  // namespace cascadecl
