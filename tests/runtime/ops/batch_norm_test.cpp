#include "runtime/ops/batch_norm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;
using reference::Shape;

// A batch norm of random parameters over x [n][c][h][w], of values around `offset` with a standard deviation of 1.2.
struct Norm {
  Norm(int images, ImageShape image, double offset, unsigned seed)
      : n(images),
        shape(shape_of(images, image)),
        channels(to_size_t(image.channels)),
        x(random_values(shape.size(), seed)),
        gamma(random_values(channels, seed + 1)),
        beta(random_values(channels, seed + 2)),
        running_mean(random_values(channels, seed + 3)),
        running_variance(random_values(channels, seed + 4)),
        op(test_device(), image) {
    for (double& value : x) value += offset;
    for (double& value : running_variance) value = std::abs(value) + 0.25;
  }

  // The parameters on the device, anew.
  BatchNorm::ParameterArrays arrays() const {
    const Device& device = test_device();
    return {device.upload(to_floats(gamma)), device.upload(to_floats(beta)), device.upload(to_floats(running_mean)),
            device.upload(to_floats(running_variance))};
  }
  Guarded<float> upload(const Values& values) const {
    return Guarded<float>(to_blocked(values, shape, test_device().channel_block()));
  }
  Values read(const Guarded<float>& array) const {
    return from_blocked(array.read(), shape, test_device().channel_block());
  }
  std::size_t sums_size() const { return to_size_t(n) * 2 * op.padded_channels(); }

  // After it the op knows the batch's statistics, or, frozen, the running ones.
  void prepare(const Guarded<float>& data, bool frozen) {
    const BatchNorm::ParameterArrays parameters = arrays();
    if (frozen) {
      op.prepare_frozen(parameters);
    } else {
      const Guarded<float> moments(sums_size());
      op.measure(n, data, moments);
      op.prepare(n, moments, parameters);
      (void)moments.read();
    }
  }

  int n;
  Shape shape;
  std::size_t channels;
  Values x, gamma, beta, running_mean, running_variance;
  BatchNorm op;
};

// The largest difference, relative to the larger of 1 and the expected value.
double relative_difference(const Values& expected, const std::vector<float>& actual) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(expected[i] - static_cast<double>(actual[i]));
    largest = std::max(largest, difference / std::max(1.0, std::abs(expected[i])));
    if (std::isnan(difference)) return difference;
  }
  return largest;
}

// Scale and shift of the view, as mean and variance demand; a shift of offset / deviation is only as precise as a
// float.
void check_view(const Norm& norm, const View& view, const Values& mean, const Values& variance, double tolerance) {
  Values scale(norm.channels), shift(norm.channels);
  for (std::size_t c = 0; c < norm.channels; ++c) {
    scale[c] = norm.gamma[c] / std::sqrt(variance[c] + 1e-5);
    shift[c] = norm.beta[c] - mean[c] * scale[c];
  }
  CHECK(relative_difference(scale, test_device().read(view.scale)) < tolerance);
  CHECK(relative_difference(shift, test_device().read(view.shift)) < tolerance);
  const std::vector<float> padded_scale = test_device().read(view.scale), padded_shift = test_device().read(view.shift);
  for (std::size_t c = norm.channels; c < padded_scale.size(); ++c) {
    CHECK(padded_scale[c] == 0);
    CHECK(padded_shift[c] == 0);
  }
}

void check_statistics(int n, ImageShape image, double offset, double tolerance) {
  CAPTURE(image.channels);
  CAPTURE(offset);
  Norm norm(n, image, offset, 3);
  const reference::BatchNormForward expected =
      reference::batch_norm_training(norm.x, norm.gamma, norm.beta, norm.shape);
  const BatchNorm::ParameterArrays parameters = norm.arrays();
  const Guarded<float> x = norm.upload(norm.x), moments(norm.sums_size());
  norm.op.measure(n, x, moments);
  norm.op.prepare(n, moments, parameters);
  (void)moments.read();
  check_view(norm, norm.op.view(x), expected.mean, expected.variance, tolerance);

  const double count = static_cast<double>(norm.shape.pixels()) * n;
  Values mean(norm.running_mean), variance(norm.running_variance);
  for (std::size_t c = 0; c < norm.channels; ++c) {
    mean[c] = 0.9 * mean[c] + 0.1 * expected.mean[c];
    variance[c] = 0.9 * variance[c] + 0.1 * expected.variance[c] * count / std::max(count - 1, 1.0);
  }
  CHECK(relative_difference(mean, test_device().read(parameters.running_mean)) < 1e-6);
  CHECK(relative_difference(variance, test_device().read(parameters.running_variance)) < tolerance);
}

// The gradient by x for values of size 1: float sums of some hundred terms.
constexpr double gradient_tolerance = 2e-5;

void check_backward(int n, ImageShape image, bool relu, bool frozen) {
  CAPTURE(image.channels);
  CAPTURE(relu);
  CAPTURE(frozen);
  Norm norm(n, image, 0.5, 7);
  const Values dy = random_values(norm.shape.size(), 31), base = random_values(norm.shape.size(), 32);
  const Guarded<float> x = norm.upload(norm.x), device_dy = norm.upload(dy), sums(norm.sums_size());
  norm.prepare(x, frozen);
  norm.op.backward_sums(n, relu, device_dy, x, sums);

  Values mean = norm.running_mean, variance = norm.running_variance, value;
  if (frozen) {
    value = reference::batch_norm_inference(norm.x, norm.gamma, norm.beta, mean, variance, norm.shape);
  } else {
    value = reference::batch_norm_training(norm.x, norm.gamma, norm.beta, norm.shape).dst;
  }
  const Values masked = relu ? reference::relu_backward(value, dy) : dy;
  CHECK(norm.read(device_dy) == masked);
  const reference::BatchNormGradients expected =
      frozen ? reference::batch_norm_inference_backward(norm.x, norm.gamma, mean, variance, masked, norm.shape)
             : reference::batch_norm_training_backward(norm.x, norm.gamma, masked, norm.shape);

  const Guarded<float> gamma(norm.channels), beta(norm.channels);
  norm.op.backward_prepare(n, sums, frozen, false, gamma, beta);
  CHECK(relative_difference(expected.gamma, gamma.read()) < gradient_tolerance);
  CHECK(relative_difference(expected.beta, beta.read()) < gradient_tolerance);
  norm.op.backward_prepare(n, sums, frozen, true, gamma, beta);  // a second consumer with the same gradient
  Values twice = expected.gamma;
  for (double& v : twice) v *= 2;
  CHECK(relative_difference(twice, gamma.read()) < gradient_tolerance);

  const Guarded<float> dx(norm.shape.size() / norm.channels * norm.op.padded_channels());
  norm.op.backward_apply(n, device_dy, x, {}, dx);
  CHECK(largest_difference(expected.src, norm.read(dx)) < gradient_tolerance);
  const Guarded<float> device_base = norm.upload(base);
  norm.op.backward_apply(n, device_dy, x, device_base, device_base);
  CHECK(largest_difference(reference::add_forward(expected.src, base), norm.read(device_base)) < gradient_tolerance);
  norm.op.backward_apply(n, device_dy, x, {}, device_dy);
  CHECK(device_dy.read() == dx.read());
}

}  // namespace

TEST_CASE("batch norm measures a batch and moves the running statistics by a tenth") {
  check_statistics(5, {20, 5, 7}, 0, 1e-5);
  check_statistics(1, {16, 8, 8}, 0, 1e-5);
  check_statistics(2, {3, 13, 6}, 0, 1e-5);
  check_statistics(5, {5, 1, 1}, 0, 1e-5);
}

TEST_CASE("batch norm measures spreads that are a ten-thousandth of the mean") {
  // The mean of 10^4 is kept as a float: 10^-3 / 2 of a deviation; the variance comes from differences, which are
  // exact.
  check_statistics(5, {20, 5, 7}, 1e4, 1e-4);
  check_statistics(2, {3, 13, 6}, -1e4, 1e-4);
}

TEST_CASE("batch norm of a single value has variance 0 and stays finite") { check_statistics(1, {5, 1, 1}, 0, 1e-5); }

TEST_CASE("frozen batch norm uses the running statistics and leaves them") {
  Norm norm(2, {20, 5, 7}, 0, 5);
  const BatchNorm::ParameterArrays parameters = norm.arrays();
  norm.op.prepare_frozen(parameters);
  check_view(norm, norm.op.view({}), norm.running_mean, norm.running_variance, 1e-6);
  CHECK(test_device().read(parameters.running_mean) == to_floats(norm.running_mean));
  CHECK(test_device().read(parameters.running_variance) == to_floats(norm.running_variance));
}

TEST_CASE("batch-norm gradients equal the reference, through a ReLU and with frozen statistics") {
  for (const bool relu : {false, true}) {
    for (const bool frozen : {false, true}) {
      check_backward(5, {20, 5, 7}, relu, frozen);
      check_backward(2, {3, 13, 6}, relu, frozen);
    }
  }
  check_backward(1, {16, 8, 8}, true, false);
}

TEST_CASE("batch norm keeps a spoiled value visible") {
  Norm norm(2, {3, 13, 6}, 0, 9);
  norm.x[7] = std::nan("");
  const Guarded<float> x = norm.upload(norm.x);
  norm.prepare(x, false);
  CHECK(std::isnan(test_device().read(norm.op.view(x).shift)[0]));
  CHECK(!std::isnan(test_device().read(norm.op.view(x).shift)[1]));
}

}  // namespace cascadecl
