#include "tests/support/reference_ops.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace cascadecl::reference {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

// Calls visit(output pixel index within its channel, input y, input x, kernel row, kernel column) for all real pixels.
template <typename Visit>
void for_each_tap(const Shape& src, const Shape& dst, const Window& window, Visit visit) {
  for (int y = 0; y < dst.h; ++y)
    for (int x = 0; x < dst.w; ++x)
      for (int i = 0; i < window.r; ++i)
        for (int j = 0; j < window.s; ++j) {
          const int in_y = y * window.stride + i - window.padding, in_x = x * window.stride + j - window.padding;
          if (in_y < 0 || in_y >= src.h || in_x < 0 || in_x >= src.w) continue;
          visit(index(y) * index(dst.w) + index(x), index(in_y) * index(src.w) + index(in_x),
                index(i) * index(window.s) + index(j));
        }
}

// Calls visit(source, destination, weight index) for every multiplication of a convolution.
template <typename Visit>
void for_each_product(const Shape& src, int k, const Window& window, int groups, Visit visit) {
  assert(src.c % groups == 0 && k % groups == 0);
  const Shape dst = window_output(src, window, k);
  const std::size_t kernel = index(window.r) * index(window.s);
  const int inputs = src.c / groups, outputs = k / groups;  // of a group
  for (int n = 0; n < src.n; ++n)
    for (int out = 0; out < k; ++out)
      for (int c = 0; c < inputs; ++c)
        for_each_tap(src, dst, window, [&](std::size_t to, std::size_t from, std::size_t tap) {
          visit(at(src, n, out / outputs * inputs + c, 0, 0) + from, at(dst, n, out, 0, 0) + to,
                (index(out) * index(inputs) + index(c)) * kernel + tap);
        });
}

// Calls visit(channel, element) for every element.
template <typename Visit>
void for_each_of_channel(const Shape& shape, Visit visit) {
  for (std::size_t i = 0; i < shape.size(); ++i) visit(i / shape.pixels() % index(shape.c), i);
}

// Calls visit(source, destination) for every element whose channel is shuffled.
template <typename Visit>
void for_each_shuffled(const Shape& shape, int groups, Visit visit) {
  assert(shape.c % groups == 0);
  const int size = shape.c / groups;
  for (int n = 0; n < shape.n; ++n)
    for (int g = 0; g < groups; ++g)
      for (int i = 0; i < size; ++i)
        for (std::size_t pixel = 0; pixel < shape.pixels(); ++pixel)
          visit(at(shape, n, g * size + i, 0, 0) + pixel, at(shape, n, i * groups + g, 0, 0) + pixel);
}

double count_per_channel(const Shape& shape) { return static_cast<double>(index(shape.n) * shape.pixels()); }

// Number of real pixels under each window of one channel.
Values taps_of_windows(const Shape& src, const Shape& dst, const Window& window) {
  Values taps(dst.pixels(), 0.0);
  for_each_tap(src, dst, window, [&](std::size_t to, std::size_t, std::size_t) { taps[to] += 1; });
  return taps;
}

Values channel_means(const Values& src, const Shape& shape) {
  Values mean(index(shape.c), 0.0);
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) { mean[c] += src[i] / count_per_channel(shape); });
  return mean;
}

Values channel_variances(const Values& src, const Values& mean, const Shape& shape) {
  Values variance(index(shape.c), 0.0);
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) {
    variance[c] += (src[i] - mean[c]) * (src[i] - mean[c]) / count_per_channel(shape);
  });
  return variance;
}

}  // namespace

std::size_t at(const Shape& shape, int n, int c, int y, int x) {
  return ((index(n) * index(shape.c) + index(c)) * index(shape.h) + index(y)) * index(shape.w) + index(x);
}

Shape window_output(const Shape& src, const Window& window, int channels) {
  assert(src.h + 2 * window.padding >= window.r && src.w + 2 * window.padding >= window.s);
  return {src.n, channels, (src.h + 2 * window.padding - window.r) / window.stride + 1,
          (src.w + 2 * window.padding - window.s) / window.stride + 1};
}

Values conv_forward(const Values& src, const Values& weight, const Shape& src_shape, int k, const Window& window,
                    int groups) {
  Values dst(window_output(src_shape, window, k).size(), 0.0);
  for_each_product(src_shape, k, window, groups,
                   [&](std::size_t from, std::size_t to, std::size_t w) { dst[to] += src[from] * weight[w]; });
  return dst;
}

Values conv_backward_data(const Values& dst_grad, const Values& weight, const Shape& src_shape, int k,
                          const Window& window, int groups) {
  Values src_grad(src_shape.size(), 0.0);
  for_each_product(src_shape, k, window, groups, [&](std::size_t from, std::size_t to, std::size_t w) {
    src_grad[from] += dst_grad[to] * weight[w];
  });
  return src_grad;
}

Values conv_backward_filter(const Values& src, const Values& dst_grad, const Shape& src_shape, int k,
                            const Window& window, int groups) {
  Values weight_grad(index(k) * index(src_shape.c / groups) * index(window.r) * index(window.s), 0.0);
  for_each_product(src_shape, k, window, groups, [&](std::size_t from, std::size_t to, std::size_t w) {
    weight_grad[w] += dst_grad[to] * src[from];
  });
  return weight_grad;
}

Values bias_forward(const Values& src, const Values& bias, const Shape& shape) {
  Values dst(src);
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) { dst[i] += bias[c]; });
  return dst;
}

Values bias_backward(const Values& dst_grad, const Shape& shape) {
  Values bias_grad(index(shape.c), 0.0);
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) { bias_grad[c] += dst_grad[i]; });
  return bias_grad;
}

Values batch_norm_inference(const Values& src, const Values& gamma, const Values& beta, const Values& mean,
                            const Values& variance, const Shape& shape, double epsilon) {
  Values dst(shape.size());
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) {
    dst[i] = gamma[c] * (src[i] - mean[c]) / std::sqrt(variance[c] + epsilon) + beta[c];
  });
  return dst;
}

BatchNormForward batch_norm_training(const Values& src, const Values& gamma, const Values& beta, const Shape& shape,
                                     double epsilon) {
  const Values mean = channel_means(src, shape), variance = channel_variances(src, mean, shape);
  return {batch_norm_inference(src, gamma, beta, mean, variance, shape, epsilon), mean, variance};
}

BatchNormGradients batch_norm_inference_backward(const Values& src, const Values& gamma, const Values& mean,
                                                 const Values& variance, const Values& dst_grad, const Shape& shape,
                                                 double epsilon) {
  BatchNormGradients grad{Values(shape.size()), Values(index(shape.c), 0.0), Values(index(shape.c), 0.0)};
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) {
    const double scale = 1 / std::sqrt(variance[c] + epsilon);
    grad.src[i] = dst_grad[i] * gamma[c] * scale;
    grad.gamma[c] += dst_grad[i] * (src[i] - mean[c]) * scale;
    grad.beta[c] += dst_grad[i];
  });
  return grad;
}

// With z the normalised input and m elements a channel: dsrc = gamma/sd (ddst - mean(ddst) - z mean(ddst z)).
BatchNormGradients batch_norm_training_backward(const Values& src, const Values& gamma, const Values& dst_grad,
                                                const Shape& shape, double epsilon) {
  const Values mean = channel_means(src, shape), variance = channel_variances(src, mean, shape);
  BatchNormGradients grad = batch_norm_inference_backward(src, gamma, mean, variance, dst_grad, shape, epsilon);
  const double count = count_per_channel(shape);
  for_each_of_channel(shape, [&](std::size_t c, std::size_t i) {
    const double scale = 1 / std::sqrt(variance[c] + epsilon), z = (src[i] - mean[c]) * scale;
    grad.src[i] -= gamma[c] * scale * (grad.beta[c] + z * grad.gamma[c]) / count;
  });
  return grad;
}

Values relu_forward(const Values& src) {
  Values dst(src);
  for (double& value : dst) value = std::max(value, 0.0);
  return dst;
}

Values relu_backward(const Values& src, const Values& dst_grad) {
  Values src_grad(src.size());
  for (std::size_t i = 0; i < src.size(); ++i) src_grad[i] = src[i] > 0 ? dst_grad[i] : 0.0;
  return src_grad;
}

Values clip_forward(const Values& src, double low, double high) {
  Values dst(src);
  for (double& value : dst) value = std::min(std::max(value, low), high);
  return dst;
}

Values clip_backward(const Values& src, const Values& dst_grad, double low, double high) {
  Values src_grad(dst_grad);
  for (std::size_t i = 0; i < src.size(); ++i)
    if (src[i] <= low || src[i] >= high) src_grad[i] = 0;
  return src_grad;
}

Values add_forward(const Values& a, const Values& b) {
  assert(a.size() == b.size());
  Values sum(a);
  for (std::size_t i = 0; i < b.size(); ++i) sum[i] += b[i];
  return sum;
}

Values concat_forward(const std::vector<Values>& parts, const std::vector<Shape>& shapes) {
  Values dst;
  for (int n = 0; n < shapes[0].n; ++n)
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto image = parts[i].begin() + static_cast<std::ptrdiff_t>(at(shapes[i], n, 0, 0, 0));
      dst.insert(dst.end(), image, image + static_cast<std::ptrdiff_t>(shapes[i].size() / index(shapes[i].n)));
    }
  return dst;
}

std::vector<Values> concat_backward(const Values& dst_grad, const std::vector<Shape>& shapes) {
  std::vector<Values> parts(shapes.size());
  auto from = dst_grad.begin();
  for (int n = 0; n < shapes[0].n; ++n)
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto size = static_cast<std::ptrdiff_t>(shapes[i].size() / index(shapes[i].n));
      parts[i].insert(parts[i].end(), from, from + size);
      from += size;
    }
  return parts;
}

Values channel_shuffle_forward(const Values& src, const Shape& shape, int groups) {
  Values dst(shape.size());
  for_each_shuffled(shape, groups, [&](std::size_t from, std::size_t to) { dst[to] = src[from]; });
  return dst;
}

Values channel_shuffle_backward(const Values& dst_grad, const Shape& shape, int groups) {
  Values src_grad(shape.size());
  for_each_shuffled(shape, groups, [&](std::size_t from, std::size_t to) { src_grad[from] = dst_grad[to]; });
  return src_grad;
}

Values global_average_pool_forward(const Values& src, const Shape& shape) {
  Values dst(index(shape.n) * index(shape.c), 0.0);
  for (std::size_t i = 0; i < src.size(); ++i) dst[i / shape.pixels()] += src[i] / static_cast<double>(shape.pixels());
  return dst;
}

Values global_average_pool_backward(const Values& dst_grad, const Shape& src_shape) {
  Values src_grad(src_shape.size());
  for (std::size_t i = 0; i < src_grad.size(); ++i)
    src_grad[i] = dst_grad[i / src_shape.pixels()] / static_cast<double>(src_shape.pixels());
  return src_grad;
}

Values average_pool_forward(const Values& src, const Shape& src_shape, const Window& window) {
  const Shape dst_shape = window_output(src_shape, window, src_shape.c);
  const Values taps = taps_of_windows(src_shape, dst_shape, window);
  Values dst(dst_shape.size(), 0.0);
  for (std::size_t plane = 0; plane < index(src_shape.n) * index(src_shape.c); ++plane)
    for_each_tap(src_shape, dst_shape, window, [&](std::size_t to, std::size_t from, std::size_t) {
      dst[plane * dst_shape.pixels() + to] += src[plane * src_shape.pixels() + from] / taps[to];
    });
  return dst;
}

Values average_pool_backward(const Values& dst_grad, const Shape& src_shape, const Window& window) {
  const Shape dst_shape = window_output(src_shape, window, src_shape.c);
  const Values taps = taps_of_windows(src_shape, dst_shape, window);
  Values src_grad(src_shape.size(), 0.0);
  for (std::size_t plane = 0; plane < index(src_shape.n) * index(src_shape.c); ++plane)
    for_each_tap(src_shape, dst_shape, window, [&](std::size_t to, std::size_t from, std::size_t) {
      src_grad[plane * src_shape.pixels() + from] += dst_grad[plane * dst_shape.pixels() + to] / taps[to];
    });
  return src_grad;
}

namespace {

// NaN is larger than every number.
bool larger(double a, double b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

// For every output of a max pool, the index of the input that it is: the first of the largest.
std::vector<std::size_t> max_positions(const Values& src, const Shape& src_shape, const Window& window) {
  const Shape dst_shape = window_output(src_shape, window, src_shape.c);
  const std::size_t none = src_shape.size();
  std::vector<std::size_t> positions(dst_shape.size(), none);
  for (std::size_t plane = 0; plane < index(src_shape.n) * index(src_shape.c); ++plane)
    for_each_tap(src_shape, dst_shape, window, [&](std::size_t to, std::size_t from, std::size_t) {
      std::size_t& position = positions[plane * dst_shape.pixels() + to];
      const std::size_t candidate = plane * src_shape.pixels() + from;
      if (position == none || larger(src[candidate], src[position])) position = candidate;
    });
  return positions;
}

}  // namespace

Values max_pool_forward(const Values& src, const Shape& src_shape, const Window& window) {
  const std::vector<std::size_t> positions = max_positions(src, src_shape, window);
  Values dst(positions.size());
  std::transform(positions.begin(), positions.end(), dst.begin(), [&](std::size_t i) { return src.at(i); });
  return dst;
}

Values max_pool_backward(const Values& src, const Values& dst_grad, const Shape& src_shape, const Window& window) {
  const std::vector<std::size_t> positions = max_positions(src, src_shape, window);
  Values src_grad(src_shape.size(), 0.0);
  for (std::size_t i = 0; i < positions.size(); ++i) src_grad.at(positions[i]) += dst_grad[i];
  return src_grad;
}

Values dense_forward(const Values& src, const Values& weight, const Values& bias, int n, int in, int out) {
  Values dst(index(n) * index(out));
  for (std::size_t row = 0; row < index(n); ++row)
    for (std::size_t o = 0; o < index(out); ++o) {
      double sum = bias[o];
      for (std::size_t i = 0; i < index(in); ++i) sum += weight[o * index(in) + i] * src[row * index(in) + i];
      dst[row * index(out) + o] = sum;
    }
  return dst;
}

DenseGradients dense_backward(const Values& src, const Values& weight, const Values& dst_grad, int n, int in, int out) {
  DenseGradients grad{Values(index(n) * index(in), 0.0), Values(index(out) * index(in), 0.0), Values(index(out), 0.0)};
  for (std::size_t row = 0; row < index(n); ++row)
    for (std::size_t o = 0; o < index(out); ++o) {
      const double g = dst_grad[row * index(out) + o];
      grad.bias[o] += g;
      for (std::size_t i = 0; i < index(in); ++i) {
        grad.src[row * index(in) + i] += g * weight[o * index(in) + i];
        grad.weight[o * index(in) + i] += g * src[row * index(in) + i];
      }
    }
  return grad;
}

Values softmax(const Values& logits, int n, int classes) {
  Values probabilities(logits);
  for (int row = 0; row < n; ++row) {
    const auto first = probabilities.begin() + static_cast<std::ptrdiff_t>(row) * classes, last = first + classes;
    const double largest = *std::max_element(first, last);
    double sum = 0;
    for (auto p = first; p != last; ++p) sum += * p = std::exp(*p - largest);
    for (auto p = first; p != last; ++p) *p /= sum;
  }
  return probabilities;
}

Values softmax_backward(const Values& probabilities, const Values& probability_grad, int n, int classes) {
  Values logits_grad(probabilities.size());
  for (std::size_t row = 0; row < index(n); ++row) {
    double mean = 0;
    for (std::size_t i = row * index(classes); i < (row + 1) * index(classes); ++i)
      mean += probabilities[i] * probability_grad[i];
    for (std::size_t i = row * index(classes); i < (row + 1) * index(classes); ++i)
      logits_grad[i] = probabilities[i] * (probability_grad[i] - mean);
  }
  return logits_grad;
}

CrossEntropy softmax_cross_entropy(const Values& logits, std::span<const int> labels, int classes, double smoothing,
                                   const Values& class_weights) {
  const int n = static_cast<int>(labels.size());
  CrossEntropy result{0, softmax(logits, n, classes), {}};
  result.logits_grad = result.probabilities;
  const auto weight_of = [&](int label) { return class_weights.empty() ? 1.0 : class_weights[index(label)]; };
  double weights = 0;
  for (const int label : labels) weights += weight_of(label);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row) * classes, last = first + classes;
    const double largest = *std::max_element(first, last);
    double sum = 0;
    for (auto value = first; value != last; ++value) sum += std::exp(*value - largest);
    const double share = weight_of(labels[row]) / weights;
    for (int c = 0; c < classes; ++c) {
      const double target = (c == labels[row] ? 1 - smoothing : 0) + smoothing / classes;
      result.loss += share * target * (largest + std::log(sum) - first[c]);
      double& gradient = result.logits_grad[row * index(classes) + index(c)];
      gradient = share * (gradient - target);
    }
  }
  return result;
}

}  // namespace cascadecl::reference
