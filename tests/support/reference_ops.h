#pragma once
#include <cstddef>
#include <span>
#include <vector>

// Every operation of a network in plain loops and double precision: the truth that kernels are tested against.
// All activations are NCHW, row-major, without blocking. Letters: n images, c input channels, h x w input pixels,
// k output channels, r x s kernel. Nothing is checked but by assert: the callers are tests.
namespace cascadecl::reference {

using Values = std::vector<double>;

// An activation [n][c][h][w].
struct Shape {
  int n = 1, c = 1, h = 1, w = 1;
  std::size_t pixels() const { return static_cast<std::size_t>(h) * static_cast<std::size_t>(w); }
  std::size_t size() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(c) * pixels(); }
  bool operator==(const Shape&) const = default;
};

// Index of element (n, c, y, x) of a [n][c][h][w] array.
std::size_t at(const Shape& shape, int n, int c, int y, int x);

// A window that moves over an image: kernel, pool. Out-of-image pixels are zero (convolution) or absent (pools).
struct Window {
  int r = 1, s = 1;  // kernel height and width
  int stride = 1, padding = 0;
};

// (h + 2 padding - r) / stride + 1 rows, likewise columns, of `channels` channels.
Shape window_output(const Shape& src, const Window& window, int channels);

// dst[n,k,y,x] = sum over c,i,j of src[n, c, y*stride+i-padding, x*stride+j-padding] * weight[k,c,i,j].
//   src [n][c][h][w]   weight [k][c/groups][r][s]   returns [n][k][p][q], the shape of window_output
// Both numbers of channels fall into `groups` equal groups: dst[.,k] reads the c of its own group, the first of which
// is weight[k,0].
Values conv_forward(const Values& src, const Values& weight, const Shape& src_shape, int k, const Window& window,
                    int groups = 1);
// Gradient of a loss by src, given dst_grad, its gradient by dst.
Values conv_backward_data(const Values& dst_grad, const Values& weight, const Shape& src_shape, int k,
                          const Window& window, int groups = 1);
// Gradient by weight.
Values conv_backward_filter(const Values& src, const Values& dst_grad, const Shape& src_shape, int k,
                            const Window& window, int groups = 1);

// dst[n,c,y,x] = src[n,c,y,x] + bias[c], and the gradient by bias.
Values bias_forward(const Values& src, const Values& bias, const Shape& shape);
Values bias_backward(const Values& dst_grad, const Shape& shape);

// dst = gamma (src - mean) / sqrt(variance + epsilon) + beta with given statistics, all [c].
Values batch_norm_inference(const Values& src, const Values& gamma, const Values& beta, const Values& mean,
                            const Values& variance, const Shape& shape, double epsilon = 1e-5);

// Statistics of the batch: mean and (biased) variance over n, h, w of each channel.
struct BatchNormForward {
  Values dst, mean, variance;
};
BatchNormForward batch_norm_training(const Values& src, const Values& gamma, const Values& beta, const Shape& shape,
                                     double epsilon = 1e-5);

struct BatchNormGradients {
  Values src, gamma, beta;
};
// Through the statistics of the batch.
BatchNormGradients batch_norm_training_backward(const Values& src, const Values& gamma, const Values& dst_grad,
                                                const Shape& shape, double epsilon = 1e-5);
// With constant (frozen) statistics.
BatchNormGradients batch_norm_inference_backward(const Values& src, const Values& gamma, const Values& mean,
                                                 const Values& variance, const Values& dst_grad, const Shape& shape,
                                                 double epsilon = 1e-5);

Values relu_forward(const Values& src);
// Zero where src <= 0.
Values relu_backward(const Values& src, const Values& dst_grad);

// min(max(src, low), high), and its gradient: zero where src <= low or src >= high.
Values clip_forward(const Values& src, double low, double high);
Values clip_backward(const Values& src, const Values& dst_grad, double low, double high);

// The gradient of each summand is dst_grad itself.
Values add_forward(const Values& a, const Values& b);

// The parts [n][c_i][h][w] one after the other along the channels: [n][sum of c_i][h][w]. `shapes`: of the parts.
Values concat_forward(const std::vector<Values>& parts, const std::vector<Shape>& shapes);
// The gradient of each part.
std::vector<Values> concat_backward(const Values& dst_grad, const std::vector<Shape>& shapes);

// dst[n, i groups + g] = src[n, g c/groups + i], and the gradient by src.
Values channel_shuffle_forward(const Values& src, const Shape& shape, int groups);
Values channel_shuffle_backward(const Values& dst_grad, const Shape& shape, int groups);

// [n][c][h][w] -> [n][c], the mean of each channel.
Values global_average_pool_forward(const Values& src, const Shape& shape);
Values global_average_pool_backward(const Values& dst_grad, const Shape& src_shape);

// The mean of the real pixels of each window (padding is not counted).
Values average_pool_forward(const Values& src, const Shape& src_shape, const Window& window);
Values average_pool_backward(const Values& dst_grad, const Shape& src_shape, const Window& window);

// The largest real pixel of each window; the gradient goes to the first of equal ones in row-major order.
Values max_pool_forward(const Values& src, const Shape& src_shape, const Window& window);
Values max_pool_backward(const Values& src, const Values& dst_grad, const Shape& src_shape, const Window& window);

// dst[n,o] = bias[o] + sum over i of weight[o,i] src[n,i].   src [n][in]   weight [out][in]   bias [out]
Values dense_forward(const Values& src, const Values& weight, const Values& bias, int n, int in, int out);

struct DenseGradients {
  Values src, weight, bias;
};
DenseGradients dense_backward(const Values& src, const Values& weight, const Values& dst_grad, int n, int in, int out);

// Rows of [n][classes] to probabilities, stable for large logits.
Values softmax(const Values& logits, int n, int classes);
// Given the probabilities and the gradient by them, the gradient by the logits.
Values softmax_backward(const Values& probabilities, const Values& probability_grad, int n, int classes);

// loss = weighted mean over the n images of -sum over c of target[c] log softmax(logits)[c]; logits_grad is its
// gradient [n][classes]. target[c] = (1 - smoothing) (c == label) + smoothing / classes. An image weighs
// class_weights[label]; no class_weights: 1.
struct CrossEntropy {
  double loss = 0;
  Values probabilities, logits_grad;
};
CrossEntropy softmax_cross_entropy(const Values& logits, std::span<const int> labels, int classes, double smoothing = 0,
                                   const Values& class_weights = {});

}  // namespace cascadecl::reference
