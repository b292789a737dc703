#pragma once
#include <string_view>

#include "runtime/ops/piece.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

// How a dense layer is computed. Both ways give the same results up to rounding, and each alone is deterministic.
//   plain      our kernels, in plain loops
//   clblast    CLBlast's matrix product
//   automatic  plain on CPUs; elsewhere clblast for kClblastMacs multiply-adds (n * in * out) or more
// On CPUs plain was measured to be faster for all layers of image classifiers (PoCL, 2 cores, batch 128, forward: 64 ->
// 10 0.02 ms against 0.06 ms, 512 -> 1000 4 ms against 22 ms), and CLBlast takes 7 s to start where nothing is cached.
enum class DenseVariant { automatic, plain, clblast };
std::string_view to_string(DenseVariant variant);

// The fully connected layer: logits[n][out] = bias[out] + features[n][in] * transpose(weight[out][in]).
class Dense {
 public:
  // max_n decides what automatic means, so that all batches of a plan are computed alike.
  Dense(const Device& device, int in, int out, int max_n, DenseVariant variant = DenseVariant::automatic);

  // features [n][in], weight [out][in], bias [out] -> logits [n][out], overwritten.
  // Throws DeviceError naming call and sizes if CLBlast fails.
  void forward(int n, const Array<float>& features, const Array<float>& weight, const Array<float>& bias,
               const Array<float>& logits);
  // gradient [n][out] of the loss by the logits -> weight_gradient [out][in] and bias_gradient [out], overwritten.
  // n = 0 gives zeros.
  void backward_parameters(int n, const Array<float>& features, const Array<float>& gradient,
                           const Array<float>& weight_gradient, const Array<float>& bias_gradient);
  // gradient [n][out] -> feature_gradient [n][in], overwritten.
  void backward_features(int n, const Array<float>& gradient, const Array<float>& weight,
                         const Array<float>& feature_gradient);

  DenseVariant variant() const { return variant_; }  // never automatic
  const VariantChoice& choice() const { return choice_; }
  static PieceProblem forward_problem(const Device& device, int in, int out, BatchClass batch);

  static constexpr double kClblastMacs = 8e6;

 private:
  Device device_;
  int in_, out_;
  DenseVariant variant_;
  VariantChoice choice_;
  std::size_t output_pieces_ = 1, input_pieces_ = 1;
  Kernel forward_, weight_gradient_, bias_gradient_, feature_gradient_, set_bias_;
};

}  // namespace cascadecl
