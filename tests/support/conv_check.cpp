#include "tests/support/conv_check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "runtime/ops/launch.h"
#include "tests/support/device_test.h"

namespace cascadecl::testing {
namespace {

using reference::Shape;
using reference::Window;

int block() { return test_device().channel_block(); }
std::size_t padded(int channels) { return image_elements({channels, 1, 1}, block()); }
Window window_of(const ConvGeometry& g) { return {g.kernel_h, g.kernel_w, g.stride, g.padding}; }
std::size_t elements(int n, ImageShape shape) { return to_size_t(n) * image_elements(shape, block()); }

double largest(const Values& values) {
  double result = 0;
  for (double value : values) result = std::max(result, std::abs(value));
  return result;
}

// Inputs are multiples of 1/256 and weights of 1/16, and their sums of products stay below 2^24 / 4096: kernels that
// compute by definition are exact. Winograd's transforms multiply by up to 20 on each side and round on the way:
// measured 3e-6 of the largest element, 2e-5 allowed.
void check_close(const Values& expected, const Values& actual, std::string_view variant,
                 Precision precision = Precision::fp32) {
  const double tolerance =
      (variant == "winograd" ? 2e-5 * largest(expected) : 0) + storage_tolerance(expected, precision);
  CHECK(largest_difference(expected, actual) <= tolerance);
}

void check_choice(const VariantChoice& choice, const ConvCase& conv, KernelClass kernels) {
  if (kernels == KernelClass::reference) {
    CHECK(choice.variant == "reference");
    CHECK(choice.reason == "reference kernels were asked for");
    return;
  }
  const bool gpu = kernel_class(test_device(), kernels) == KernelClass::gpu, grouped = conv.geometry.groups > 1;
  if (grouped) {
    CHECK(choice.variant == "grouped");
  } else if (gpu) {
    CHECK(choice.variant == "gemm");
  } else if (block() == 16) {
    CHECK(choice.variant == conv.variant);
  }
  CHECK(choice.reason.empty() == (!grouped && (gpu || choice.variant == "winograd")));  // whatever is slower says why
}

Guarded<float> guarded(const Values& nchw, const Shape& shape) {
  return Guarded<float>(to_blocked(nchw, shape, block()));
}

struct Sums {
  Values first, second;  // [n * c]
};

// Mean and sum of squared deviations of each image and channel.
Sums moments_of(const Values& x, const Shape& shape) {
  Sums sums;
  for (std::size_t plane = 0; plane < x.size(); plane += shape.pixels()) {
    double mean = 0, squares = 0;
    for (std::size_t p = 0; p < shape.pixels(); ++p) mean += x[plane + p] / static_cast<double>(shape.pixels());
    for (std::size_t p = 0; p < shape.pixels(); ++p) squares += (x[plane + p] - mean) * (x[plane + p] - mean);
    sums.first.push_back(mean);
    sums.second.push_back(squares);
  }
  return sums;
}

// Splits [n][2][c padded]; checks that the padding is zero.
Sums split_sums(const std::vector<float>& both, int n, int channels) {
  Sums sums;
  bool zero = true;
  for (std::size_t row = 0; row < 2 * to_size_t(n); ++row) {
    Values& values = row % 2 ? sums.second : sums.first;
    for (std::size_t c = 0; c < padded(channels); ++c) {
      const float value = both[row * padded(channels) + c];
      if (c < to_size_t(channels))
        values.push_back(static_cast<double>(value));
      else
        zero = zero && value == 0;
    }
  }
  CHECK_MESSAGE(zero, "the padding channels of the sums are not zero");
  return sums;
}

// Sums of up to 1024 floats one after another: 1024 * 2^-24 of the sum of their sizes.
void check_sums(const Sums& expected, const std::vector<float>& actual, int n, int channels, double size) {
  const Sums sums = split_sums(actual, n, channels);
  CHECK(largest_difference(expected.first, sums.first) <= 6e-5 * size);
  CHECK(largest_difference(expected.second, sums.second) <= 6e-5 * std::max(size, largest(expected.second)));
}

// A gradient of [n][c][h][w]: plain, or behind a batch norm; `values` is what it stands for.
struct RandomGradient {
  RandomGradient(const Shape& shape, bool deferred, unsigned seed)
      : first(random_values(shape.size(), seed)),
        second(random_values(shape.size(), seed + 1)),
        data(to_blocked(first, shape, block())),
        norm_input(to_blocked(second, shape, block())),
        values(first) {
    gradient.data = data;
    if (!deferred) return;
    const Values scale = random_values(to_size_t(shape.c), seed + 2),
                 shift = random_values(to_size_t(shape.c), seed + 3);
    const Values norm_input_scale = random_values(to_size_t(shape.c), seed + 4);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t c = i / shape.pixels() % to_size_t(shape.c);
      values[i] = scale[c] * first[i] + norm_input_scale[c] * second[i] + shift[c];
    }
    gradient = {data, channels(scale), channels(shift), norm_input, channels(norm_input_scale)};
  }
  static Array<float> channels(const Values& values) {
    return test_device().upload(to_channel_vector(values, block()));
  }
  Values first, second;
  Guarded<float> data, norm_input;
  Values values;
  Gradient gradient;
};

void capture_note(const ConvCase& conv, KernelClass kernels, std::string& note) {
  const ConvGeometry& g = conv.geometry;
  note = std::to_string(conv.n) + " x [" + std::to_string(g.in.channels) + "," + std::to_string(g.in.height) + "," +
         std::to_string(g.in.width) + "] -> " + std::to_string(g.out_channels) + " channels, kernel " +
         std::to_string(g.kernel_h) + "x" + std::to_string(g.kernel_w) + ", stride " + std::to_string(g.stride) +
         ", padding " + std::to_string(g.padding) + ", groups " + std::to_string(g.groups) + ", kernels " +
         std::string(to_string(kernel_class(test_device(), kernels)));
}

}  // namespace

void check_conv_forward(const ConvCase& conv, const ConvFusion& fusion, KernelClass kernels) {
  const auto& [n, g, variant] = conv;
  std::string note;
  capture_note(conv, kernels, note);
  CAPTURE(note);
  const Shape in_shape = shape_of(n, g.in), out_shape = shape_of(n, g.out());
  REQUIRE(out_shape == reference::window_output(in_shape, window_of(g), g.out_channels));
  const RandomView in(n, g.in, fusion.view, 1);
  const Values weight = random_values(g.weight_count(), 5), residual = random_values(out_shape.size(), 6);
  const Values bias = random_values(to_size_t(g.out_channels), 7);
  Values expected = reference::conv_forward(in.values, weight, in_shape, g.out_channels, window_of(g), g.groups);
  if (fusion.bias) expected = reference::bias_forward(expected, bias, out_shape);
  if (fusion.residual) expected = reference::add_forward(expected, residual);

  ConvForward op(test_device(), g, fusion, kernels);
  check_choice(op.choice(), conv, kernels);
  const Guarded<float> device_bias(to_floats(bias));
  op.prepare(Guarded<float>(to_floats(weight)), fusion.bias ? device_bias.array() : Array<float>());
  const Precision precision = fusion.view.precision;
  const GuardedActivation summand(to_blocked(residual, out_shape, block()), precision);
  const GuardedActivation out(elements(n, g.out()), precision);
  const Guarded<float> moments(to_size_t(n) * 2 * padded(g.out_channels));
  op.run(n, in.view, fusion.residual ? summand.activation() : ActivationArray(), out, moments);
  const std::vector<float> first = out.read();
  check_close(expected, from_blocked(first, out_shape, block()), op.choice().variant, precision);
  if (fusion.statistics && op.fuses_statistics()) {
    check_sums(moments_of(expected, out_shape), moments.read(), n, g.out_channels, largest(expected));
  }
  if (fusion.residual) {  // in place
    op.run(n, in.view, summand, summand, moments);
    CHECK(summand.read() == first);
  } else {
    op.run(n, in.view, {}, out, moments);
    CHECK(out.read() == first);
  }
}

void check_conv_backward_data(const ConvCase& conv, const ConvBackwardData::Fusion& asked, KernelClass kernels) {
  const auto& [n, g, variant] = conv;
  const bool fuses = ConvBackwardData::can_fuse(test_device(), g, kernels);
  const ConvBackwardData::Fusion fusion = fuses ? asked : ConvBackwardData::Fusion{};
  std::string note;
  capture_note(conv, kernels, note);
  CAPTURE(note);
  const Shape in_shape = shape_of(n, g.in), out_shape = shape_of(n, g.out());
  const RandomGradient gradient(out_shape, fusion.deferred, 1);
  const Values weight = random_values(g.weight_count(), 6), residual = random_values(in_shape.size(), 7);
  const Values t = random_values(in_shape.size(), 8), scale = random_values(to_size_t(g.in.channels), 9);
  const Values shift = random_values(to_size_t(g.in.channels), 10), mean = random_values(to_size_t(g.in.channels), 11);
  const bool affine = fusion.mask == MaskKind::batch_norm_relu;

  Values expected =
      reference::conv_backward_data(gradient.values, weight, in_shape, g.out_channels, window_of(g), g.groups);
  if (fusion.residual) expected = reference::add_forward(expected, residual);
  Sums sums{Values(to_size_t(n * g.in.channels)), Values(to_size_t(n * g.in.channels))};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::size_t plane = i / in_shape.pixels(), c = plane % to_size_t(g.in.channels);
    if (fusion.mask != MaskKind::none && (affine ? scale[c] * t[i] + shift[c] : t[i]) <= 0) expected[i] = 0;
    sums.first[plane] += expected[i];
    sums.second[plane] += expected[i] * (t[i] - mean[c]);
  }

  ConvBackwardData op(test_device(), g, fusion, kernels);
  check_choice(op.choice(), conv, kernels);
  op.prepare(Guarded<float>(to_floats(weight)));
  const Guarded<float> masked = guarded(t, in_shape), summand = guarded(residual, in_shape);
  const Guarded<float> in_gradient(elements(n, g.in)), device_sums(to_size_t(n) * 2 * padded(g.in.channels));
  ConvMask mask{masked, {}, {}, {}, device_sums};
  if (affine) {
    mask.scale = RandomGradient::channels(scale);
    mask.shift = RandomGradient::channels(shift);
    mask.mean = RandomGradient::channels(mean);
  }
  op.run(n, gradient.gradient, mask, fusion.residual ? summand.array() : Array<float>(), in_gradient);
  check_close(expected, from_blocked(in_gradient.read(), in_shape, block()), op.choice().variant);
  if (affine) {
    const double size = static_cast<double>(in_shape.pixels()) * largest(expected);
    check_sums(sums, device_sums.read(), n, g.in.channels, size);
  }
}

void check_conv_backward_filter(const ConvCase& conv, ViewKind view, bool deferred, KernelClass kernels) {
  const auto& [n, g, variant] = conv;
  std::string note;
  capture_note(conv, kernels, note);
  CAPTURE(note);
  const RandomView in(n, g.in, view, 1);
  const bool reads_deferred = deferred && ConvBackwardFilter::can_fuse(test_device(), g, kernels);
  const RandomGradient gradient(shape_of(n, g.out()), reads_deferred, 5);
  const Values expected = reference::conv_backward_filter(in.values, gradient.values, shape_of(n, g.in), g.out_channels,
                                                          window_of(g), g.groups);
  ConvBackwardFilter op(test_device(), g, view, reads_deferred, kernels);
  check_choice(op.choice(), conv, kernels);
  const Guarded<float> workspace(std::max<std::size_t>(op.workspace_floats(), 1)), weight_gradient(g.weight_count());
  op.run(n, in.view, gradient.gradient, workspace, weight_gradient);
  const std::vector<float> first = weight_gradient.read();
  check_close(expected, to_doubles(first), op.choice().variant);
  op.run(n, in.view, gradient.gradient, workspace, weight_gradient);
  CHECK(weight_gradient.read() == first);
  (void)workspace.read();
}

void check_conv_backward_bias(int n, ImageShape out, bool deferred) {
  CAPTURE(out.channels);
  const Shape shape = shape_of(n, out);
  const RandomGradient gradient(shape, deferred, 1);
  const Values expected = reference::bias_backward(gradient.values, shape);
  ConvBackwardBias op(test_device(), out, deferred);
  const Guarded<float> workspace(op.workspace_floats()), bias_gradient(to_size_t(out.channels));
  op.run(n, gradient.gradient, workspace, bias_gradient);
  const std::vector<float> first = bias_gradient.read();
  // All are multiples of 1/256, and no sum reaches 2^16: exact.
  CHECK(largest_difference(expected, to_doubles(first)) == 0);
  op.run(n, gradient.gradient, workspace, bias_gradient);
  CHECK(bias_gradient.read() == first);
  (void)workspace.read();
}

}  // namespace cascadecl::testing
