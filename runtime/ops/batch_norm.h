#pragma once
#include "runtime/ops/conv.h"
#include "runtime/ops/piece.h"
#include "runtime/ops/variant.h"
#include "runtime/ops/view.h"

namespace cascadecl {

// kernels/batch_norm_groups.cl: the number of work-items that sum up the pixels of an image together.
struct BatchNormGroup {
  int group = 64;
  static constexpr std::string_view kernel = "batch_norm_groups";
  static std::array<Tunable<BatchNormGroup>, 1> tunables();
  static BatchNormGroup choose(ImageShape shape, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(ImageShape shape, const TuningTarget& target);
  std::string fault(ImageShape shape, const TuningTarget& target) const;
};

enum class BatchNormUse { inference, training };

// Batch normalisation of x [n][C/b][H][W][b] as a view: forward prepares scale and shift, which the consumers of the
// result apply while loading (with the ReLU behind it). Statistics are stable for large means: deviations are summed
// per image from the image's first pixel and merged in order (Chan, Golub, LeVeque 1979). Epsilon 1e-5, running
// momentum 0.1.
class BatchNorm {
 public:
  // For inference it has only prepare_frozen() and view(); its other kernels are not built.
  BatchNorm(const Device& device, ImageShape shape, BatchClass batch = BatchClass::many,
            BatchNormUse use = BatchNormUse::training);

  struct ParameterArrays {  // each [C], without padding
    Array<float> gamma, beta, running_mean, running_variance;
  };

  // Moments of x by image, for convolutions that do not write them: moments [n][2][C padded].
  void measure(int n, const Array<float>& x, const Array<float>& moments);
  // Statistics of the batch from the images' moments; updates the running ones.
  void prepare(int n, const Array<float>& moments, const ParameterArrays& parameters);
  // Statistics are the running ones; no batch is needed.
  void prepare_frozen(const ParameterArrays& parameters);

  // How consumers read x, after a prepare.
  View view(const ActivationArray& x) const { return {x, scale_, shift_}; }
  // What ConvBackwardData needs to mask and sum in its epilogue.
  ConvMask mask(const Array<float>& x, const Array<float>& sums) const { return {x, scale_, shift_, mean_, sums}; }

  // Writes sums [n][2][C padded] of dy, the gradient by the view's value; with `relu` first masks it, in place, where
  // the view's ReLU was shut. For gradients that do not come from a fused ConvBackwardData.
  void backward_sums(int n, bool relu, const Array<float>& dy, const Array<float>& x, const Array<float>& sums);
  // Gradients of gamma and beta from the sums (overwritten, or added to), and the coefficients of the gradient by x.
  void backward_prepare(int n, const Array<float>& sums, bool frozen, bool accumulate,
                        const Array<float>& gamma_gradient, const Array<float>& beta_gradient);
  // The gradient by x, deferred: consumers that can read it so compute it while loading.
  Gradient gradient(const Array<float>& dy, const Array<float>& x) const {
    return {dy, dy_scale_, constant_, x, x_scale_};
  }
  // dx = gradient(dy, x) + base; base may be empty, dx may be dy or base.
  void backward_apply(int n, const Array<float>& dy, const Array<float>& x, const Array<float>& base,
                      const Array<float>& dx);

  const VariantChoice& sums_choice() const { return sums_choice_; }    // of measure() and backward_sums()
  const VariantChoice& apply_choice() const { return apply_choice_; }  // of backward_apply()
  static TuningKey sums_key(const Device& device, ImageShape shape, BatchClass batch);
  static PieceProblem apply_problem(const Device& device, ImageShape shape, BatchClass batch);

  std::size_t padded_channels() const { return scale_.size(); }

 private:
  void build_training(ImageShape shape, BatchClass batch);
  // Sums over an image's pixels: writes [n][2][C padded].
  template <class... Args>
  void sum_pixels(Kernel& kernel, int n, const Args&... args);

  Device device_;
  VariantChoice sums_choice_, apply_choice_;
  std::size_t blocks_, pieces_ = 1;  // pieces of an image's pixels in backward_apply
  std::size_t group_ = 0;            // items that sum up an image together; 0: one work-item does
  Kernel moments_, prepare_, prepare_frozen_, sums_, masked_sums_, backward_prepare_, apply_;
  Array<float> scale_, shift_, mean_, inverse_std_, dy_scale_, x_scale_, constant_;
};

}  // namespace cascadecl
