#pragma once
#include <memory>

#include "runtime/opencl/device.h"
#include "runtime/ops/conv_geometry.h"
#include "runtime/ops/filter_layout.h"
#include "runtime/ops/variant.h"
#include "runtime/ops/view.h"

namespace cascadecl {

namespace conv {
class GpuConv;
}  // namespace conv

// What a convolution does besides: how it reads its input, what it adds, what it measures of the result.
struct ConvFusion {
  ViewKind view;
  bool residual = false;    // out = conv(view(in)) + residual
  bool statistics = false;  // batch-norm moments of the result, see batch_norm.h
  bool operator==(const ConvFusion&) const = default;
};

// out = conv(view(in)). Takes the class of the batches it is for: its tunables may depend on it.
class ConvForward {
 public:
  ConvForward(const Device& device, const ConvGeometry& geometry, const ConvFusion& fusion, KernelClass kernels,
              BatchClass batch = BatchClass::many);

  // Enqueues the conversion of the filters [K][C][R][S] to the kernel's layout; again after each change of them.
  void prepare(const Array<float>& weight);
  // The same into the caller's array of weight_floats(), and which such array the next runs read.
  void prepare(const Array<float>& weight, const Array<float>& into);
  void use(const Array<float>& prepared) { weights_ = prepared; }
  const Array<float>& weights() const { return weights_; }
  std::size_t weight_floats() const { return layout_.floats(); }

  // Few images are split over the device's cores, unless they are measured.
  //   in        [n][C/b][H][W][b], by the view given at construction
  //   residual  like out (may be out itself); empty without fusion.residual
  //   out       [n][K/b][OH][OW][b]
  //   moments   [n][2][K padded], written where fuses_statistics()
  void run(int n, const View& in, const Activation& residual, const Activation& out, const Array<float>& moments);

  const VariantChoice& choice() const { return choice_; }
  bool fuses_statistics() const { return !gpu_ && choice_.variant != "reference"; }
  // Of the converted filters; the reference kernel reads the caller's.
  std::size_t weight_bytes() const;

 private:
  ConvGeometry geometry_;
  VariantChoice choice_;
  conv::FilterLayout layout_;
  Kernel run_;
  int cores_ = 1, most_shares_ = 1;  // an image's strips may be shared out over so many work-items
  Device device_;
  Array<float> weights_;
  std::shared_ptr<conv::GpuConv> gpu_;  // runs instead, in the GPU class
};

}  // namespace cascadecl
