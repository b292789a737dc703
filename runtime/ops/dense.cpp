#include "runtime/ops/dense.h"

#include <clblast.h>
#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

DenseVariant choose(const Device& device, DenseVariant wanted, int in, int out, int n) {
  if (wanted != DenseVariant::automatic) return wanted;
  const bool large = 1.0 * n * in * out >= Dense::kClblastMacs;
  return large && !coarse_items(device) ? DenseVariant::clblast : DenseVariant::plain;
}

struct Matrix {
  const Array<float>& values;  // row-major
  int columns;
  bool transposed = false;
};

clblast::Transpose transpose_of(const Matrix& matrix) {
  return matrix.transposed ? clblast::Transpose::kYes : clblast::Transpose::kNo;
}

// c[m][n] = a[m][k] * b[k][n] + beta * c.
void multiply(const Device& device, int m, int n, int k, const Matrix& a, const Matrix& b, const Matrix& c,
              float beta) {
  if (device.rehearses()) return;
  cl_command_queue queue = device.queue()();
  const auto describe = [] { return Command{.kernel = "Sgemm (CLBlast)"}; };
  log_command(device.command_log(), describe, [&](cl::Event* event) {
    const clblast::StatusCode status = clblast::Gemm<float>(
        clblast::Layout::kRowMajor, transpose_of(a), transpose_of(b), to_size(m), to_size(n), to_size(k), 1.0f,
        a.values.buffer()(), 0, to_size(a.columns), b.values.buffer()(), 0, to_size(b.columns), beta,
        c.values.buffer()(), 0, to_size(c.columns), &queue, handle_of(event));
    if (status != clblast::StatusCode::kSuccess) {
      throw DeviceError(fmt::format("device {}: CLBlast Sgemm of [{}][{}] by [{}][{}] failed with status {}",
                                    device.info().name, m, k, k, n, static_cast<int>(status)));
    }
  });
}

}  // namespace

std::string_view to_string(DenseVariant variant) {
  switch (variant) {
    case DenseVariant::plain:
      return "plain";
    case DenseVariant::clblast:
      return "clblast";
    default:
      return "automatic";
  }
}

Dense::Dense(const Device& device, int in, int out, int max_n, DenseVariant variant)
    : device_(device), in_(in), out_(out), variant_(choose(device, variant, in, out, max_n)) {
  choice_.variant = to_string(variant_);
  const int width = channel_block_of(in, device.channel_block());
  Defines defines{{"CB", width}, {"IN", in}, {"OUT", out}};
  if (variant_ == DenseVariant::plain) {
    const PieceProblem problem = forward_problem(device, in, out, batch_class(max_n));
    const auto outputs = look_up<Piece>(device, problem.key, problem, choice_);
    define(outputs, defines);
    output_pieces_ = outputs.count(to_size(out));
  }
  input_pieces_ = Piece{width}.count(to_size(in));
  forward_ = device.kernel("dense.cl", "dense_forward", defines);
  weight_gradient_ = device.kernel("dense.cl", "dense_weight_gradient", defines);
  bias_gradient_ = device.kernel("dense.cl", "dense_bias_gradient", defines);
  feature_gradient_ = device.kernel("dense.cl", "dense_feature_gradient", defines);
  set_bias_ = device.kernel("dense.cl", "dense_set_bias", defines);
}

PieceProblem Dense::forward_problem(const Device& device, int in, int out, BatchClass batch) {
  return {.key = {.kernel = "dense",
                  .operation = "forward",
                  .in_channels = in,
                  .out_channels = out,
                  .channel_block = device.channel_block(),
                  .batch = batch},
          .length = out,
          .coarse = 16};
}

void Dense::forward(int n, const Array<float>& features, const Array<float>& weight, const Array<float>& bias,
                    const Array<float>& logits) {
  if (n == 0) return;
  if (variant_ == DenseVariant::plain) {
    launch(device_, forward_, {output_pieces_, to_size(n)}, features, weight, bias, logits);
    return;
  }
  launch(device_, set_bias_, {to_size(n)}, bias, logits);
  multiply(device_, n, out_, in_, {features, in_}, {weight, in_, true}, {logits, out_}, 1.0f);
}

void Dense::backward_parameters(int n, const Array<float>& features, const Array<float>& gradient,
                                const Array<float>& weight_gradient, const Array<float>& bias_gradient) {
  launch(device_, bias_gradient_, {to_size(out_)}, gradient, bias_gradient, n);
  if (variant_ == DenseVariant::plain || n == 0) {
    launch(device_, weight_gradient_, {input_pieces_, to_size(out_)}, features, gradient, weight_gradient, n);
    return;
  }
  multiply(device_, out_, in_, n, {gradient, out_, true}, {features, in_}, {weight_gradient, in_}, 0.0f);
}

void Dense::backward_features(int n, const Array<float>& gradient, const Array<float>& weight,
                              const Array<float>& feature_gradient) {
  if (n == 0) return;
  if (variant_ == DenseVariant::plain) {
    launch(device_, feature_gradient_, {to_size(n)}, gradient, weight, feature_gradient);
    return;
  }
  multiply(device_, n, in_, out_, {gradient, out_}, {weight, in_}, {feature_gradient, in_}, 0.0f);
}

}  // namespace cascadecl
