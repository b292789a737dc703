#pragma once
#include <memory>
#include <string>

#include "runtime/network/inference_plan.h"
#include "runtime/ops/view.h"

namespace cascadecl {

namespace conv {
class GpuConv;
class GemmFilter;
}  // namespace conv

// A convolution without bias: [n][in] -> [n][out()], square stride, symmetric padding.
struct ConvGeometry {
  ImageShape in;
  int out_channels = 0, kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;
  ImageShape out() const;
  std::size_t weight_count() const;  // elements of [K][C][R][S]
};

// What a convolution does besides: how it reads its input, what it adds, what it measures of the result.
struct ConvFusion {
  ViewKind view;
  bool residual = false;    // out = conv(view(in)) + residual
  bool statistics = false;  // batch-norm moments of the result, see batch_norm.h
  bool operator==(const ConvFusion&) const = default;
};

// Which kernel runs and why no faster one does (empty if the fastest does).
struct VariantChoice {
  std::string variant;  // "winograd", "direct", "strided", "gemm", "reference"
  std::string reason;
  TuningValues parameters = {};  // what its tunables were set to, empty where it has none
  TuningSource source = TuningSource::heuristic;
};

// All take the class of the batches they are for: their tunables may depend on it.
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
  std::size_t weight_floats() const { return weight_floats_; }

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
  Kernel prepare_, run_;
  Range prepare_range_;
  std::size_t prepare_group_, weight_floats_ = 0;
  int cores_ = 1, most_shares_ = 1;  // an image's strips may be shared out over so many work-items
  Device device_;
  Array<float> weights_;
  std::shared_ptr<conv::GpuConv> gpu_;  // runs instead, in the GPU class
};

// The gradient by a tensor as its consumer reads it: `data` itself; or, behind a batch norm that has not been applied
// yet, scale * data + pair_scale * pair + shift by channel (batch_norm.h).
struct Gradient {
  Array<float> data;
  Array<float> scale, shift, pair, pair_scale;  // all empty, or all there
  bool is_pair() const { return !pair.empty(); }
};

// Where the ReLU of the input's view let nothing through, the gradient is zero; with batch-norm sums for its backward.
struct ConvMask {
  Array<float> tensor, scale, shift, mean;  // t, view scale and shift, batch mean; by kind
  Array<float> sums;                        // [n][2][C padded]
};
enum class MaskKind { none, relu, batch_norm_relu };

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
  Kernel prepare_, run_;
  Range prepare_range_;
  std::size_t prepare_group_;
  std::size_t in_blocks_ = 1;
  Array<float> weights_;
  std::shared_ptr<conv::GpuConv> gpu_;  // runs instead, in the GPU class
};

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
