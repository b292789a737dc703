// The references are the truth for all kernels, so their gradients are held against finite differences of their
// forward functions here. Central differences in double with step 1e-5 are right to about 1e-9; 1e-7 is the tolerance.
#include "tests/support/reference_ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace cascadecl::reference {
namespace {

constexpr double step = 1e-5, tolerance = 1e-7;

Values random_values(std::size_t size, unsigned seed) {
  std::mt19937 engine(seed);
  Values values(size);
  for (double& value : values) value = static_cast<double>(engine()) / 2147483648.0 - 1.0;
  return values;
}

double dot(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Largest difference between gradient and the central differences of loss at `point`.
double gradient_error(Values point, const Values& gradient, const std::function<double(const Values&)>& loss) {
  REQUIRE(point.size() == gradient.size());
  double error = 0;
  for (std::size_t i = 0; i < point.size(); ++i) {
    const double value = point[i];
    point[i] = value + step;
    const double above = loss(point);
    point[i] = value - step;
    const double below = loss(point);
    point[i] = value;
    error = std::max(error, std::abs((above - below) / (2 * step) - gradient[i]));
  }
  return error;
}

}  // namespace

TEST_CASE("reference convolution counts a kernel of ones over an image of ones") {
  const Shape src{1, 2, 3, 3};
  const Values ones(src.size(), 1.0), weight(18, 1.0);
  const Values dst = conv_forward(ones, weight, src, 1, {.r = 3, .s = 3, .stride = 1, .padding = 1});
  CHECK(dst == Values{8, 12, 8, 12, 18, 12, 8, 12, 8});
}

TEST_CASE("reference convolution does not flip its kernel") {
  const Values dst = conv_forward({1, 2, 3}, {10, 1}, {1, 1, 1, 3}, 1, {.r = 1, .s = 2});
  CHECK(dst == Values{12, 23});
}

TEST_CASE("reference convolution gradients agree with finite differences") {
  struct Case {
    Shape src;
    int k;
    Window window;
    int groups = 1;
  };
  const Case cases[] = {{{2, 3, 5, 4}, 2, {3, 3, 1, 1}},    {{1, 2, 7, 6}, 3, {3, 3, 2, 1}},
                        {{2, 3, 5, 5}, 2, {1, 1, 2, 0}},    {{1, 1, 1, 1}, 2, {3, 3, 1, 1}},
                        {{1, 2, 9, 8}, 1, {7, 5, 3, 2}},    {{2, 6, 4, 5}, 4, {3, 2, 2, 1}, 2},
                        {{1, 3, 5, 4}, 3, {3, 3, 1, 1}, 3}, {{1, 2, 4, 3}, 6, {1, 3, 1, 0}, 2}};
  for (const Case& test : cases) {
    const Shape src = test.src;
    const int k = test.k, groups = test.groups;
    const Window window = test.window;
    CAPTURE(src.h);
    const Values x = random_values(src.size(), 1);
    const auto weights = static_cast<std::size_t>(k) * static_cast<std::size_t>(src.c / groups * window.r * window.s);
    const Values weight = random_values(weights, 2);
    const Values grad = random_values(window_output(src, window, k).size(), 3);
    CHECK(gradient_error(x, conv_backward_data(grad, weight, src, k, window, groups), [&](const Values& v) {
            return dot(conv_forward(v, weight, src, k, window, groups), grad);
          }) < tolerance);
    CHECK(gradient_error(weight, conv_backward_filter(x, grad, src, k, window, groups), [&](const Values& v) {
            return dot(conv_forward(x, v, src, k, window, groups), grad);
          }) < tolerance);
  }
}

TEST_CASE("reference convolution in groups is the convolutions of the groups side by side") {
  const Shape src{1, 4, 3, 3}, half{1, 2, 3, 3};
  const Window window{.r = 2, .s = 2, .stride = 1, .padding = 0};
  const Values x = random_values(src.size(), 1), weight = random_values(6 * 2 * 4, 2);
  const auto middle = [](const Values& v) { return v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2); };
  Values expected = conv_forward({x.begin(), middle(x)}, {weight.begin(), middle(weight)}, half, 3, window);
  const Values second = conv_forward({middle(x), x.end()}, {middle(weight), weight.end()}, half, 3, window);
  expected.insert(expected.end(), second.begin(), second.end());
  CHECK(conv_forward(x, weight, src, 6, window, 2) == expected);
}

TEST_CASE("the reference bias' gradient agrees with finite differences") {
  const Shape shape{2, 3, 2, 3};
  const Values x = random_values(shape.size(), 1), bias = random_values(3, 2), grad = random_values(shape.size(), 3);
  CHECK(gradient_error(bias, bias_backward(grad, shape),
                       [&](const Values& v) { return dot(bias_forward(x, v, shape), grad); }) < tolerance);
}

TEST_CASE("reference batch norm in training gives each channel mean beta and deviation gamma") {
  const Shape shape{3, 2, 4, 3};
  Values x = random_values(shape.size(), 4);
  for (double& value : x) value += 1000;
  const auto [dst, mean, variance] = batch_norm_training(x, {2, 3}, {5, -1}, shape, 0.0);
  const auto [again, mean_after, variance_after] = batch_norm_training(dst, {1, 1}, {0, 0}, shape, 0.0);
  CHECK(mean_after[0] == doctest::Approx(5).epsilon(1e-9));
  CHECK(mean_after[1] == doctest::Approx(-1).epsilon(1e-9));
  CHECK(variance_after[0] == doctest::Approx(4).epsilon(1e-9));
  CHECK(variance_after[1] == doctest::Approx(9).epsilon(1e-9));
  CHECK(batch_norm_inference(x, {2, 3}, {5, -1}, mean, variance, shape, 0.0) == dst);
}

TEST_CASE("reference batch norm gradients agree with finite differences") {
  const Shape shape{2, 3, 2, 3};
  const Values x = random_values(shape.size(), 5), gamma = random_values(3, 6), beta = random_values(3, 7);
  const Values grad = random_values(shape.size(), 8);
  const auto loss = [&](const Values& v, const Values& g, const Values& b) {
    return dot(batch_norm_training(v, g, b, shape).dst, grad);
  };
  const BatchNormGradients training = batch_norm_training_backward(x, gamma, grad, shape);
  CHECK(gradient_error(x, training.src, [&](const Values& v) { return loss(v, gamma, beta); }) < tolerance);
  CHECK(gradient_error(gamma, training.gamma, [&](const Values& v) { return loss(x, v, beta); }) < tolerance);
  CHECK(gradient_error(beta, training.beta, [&](const Values& v) { return loss(x, gamma, v); }) < tolerance);

  const Values mean{0.1, -0.2, 0.3}, variance{0.5, 1.0, 2.0};
  const auto frozen_loss = [&](const Values& v, const Values& g, const Values& b) {
    return dot(batch_norm_inference(v, g, b, mean, variance, shape), grad);
  };
  const BatchNormGradients frozen = batch_norm_inference_backward(x, gamma, mean, variance, grad, shape);
  CHECK(gradient_error(x, frozen.src, [&](const Values& v) { return frozen_loss(v, gamma, beta); }) < tolerance);
  CHECK(gradient_error(gamma, frozen.gamma, [&](const Values& v) { return frozen_loss(x, v, beta); }) < tolerance);
  CHECK(gradient_error(beta, frozen.beta, [&](const Values& v) { return frozen_loss(x, gamma, v); }) < tolerance);
}

TEST_CASE("reference relu and add are what they say") {
  CHECK(relu_forward({-1, 0, 2}) == Values{0, 0, 2});
  CHECK(relu_backward({-1, 0, 2}, {5, 6, 7}) == Values{0, 0, 7});
  CHECK(add_forward({1, 2}, {3, 5}) == Values{4, 7});
}

TEST_CASE("reference average pool counts real pixels only") {
  const Values dst = average_pool_forward({1, 2, 3, 4}, {1, 1, 2, 2}, {.r = 2, .s = 2, .stride = 2, .padding = 1});
  CHECK(dst == Values{1, 2, 3, 4});
}

TEST_CASE("reference max pool never takes the padding") {
  const Values dst = max_pool_forward({-1, -2, -3, -4}, {1, 1, 2, 2}, {.r = 3, .s = 3, .stride = 2, .padding = 1});
  CHECK(dst == Values{-1});
}

TEST_CASE("reference pool gradients agree with finite differences") {
  const Shape src{2, 3, 5, 4};
  const Values x = random_values(src.size(), 9);
  for (const Window window : {Window{3, 3, 2, 1}, Window{2, 2, 2, 0}, Window{3, 2, 1, 1}}) {
    const Values grad = random_values(window_output(src, window, src.c).size(), 10);
    CHECK(gradient_error(x, average_pool_backward(grad, src, window),
                         [&](const Values& v) { return dot(average_pool_forward(v, src, window), grad); }) < tolerance);
    CHECK(gradient_error(x, max_pool_backward(x, grad, src, window),
                         [&](const Values& v) { return dot(max_pool_forward(v, src, window), grad); }) < tolerance);
  }
  const Values grad = random_values(6, 11);
  CHECK(gradient_error(x, global_average_pool_backward(grad, src),
                       [&](const Values& v) { return dot(global_average_pool_forward(v, src), grad); }) < tolerance);
}

TEST_CASE("reference dense gradients agree with finite differences") {
  const int n = 3, in = 4, out = 2;
  const Values x = random_values(12, 12), weight = random_values(8, 13), bias = random_values(2, 14);
  const Values grad = random_values(6, 15);
  const DenseGradients dense = dense_backward(x, weight, grad, n, in, out);
  const auto loss = [&](const Values& v, const Values& w, const Values& b) {
    return dot(dense_forward(v, w, b, n, in, out), grad);
  };
  CHECK(gradient_error(x, dense.src, [&](const Values& v) { return loss(v, weight, bias); }) < tolerance);
  CHECK(gradient_error(weight, dense.weight, [&](const Values& v) { return loss(x, v, bias); }) < tolerance);
  CHECK(gradient_error(bias, dense.bias, [&](const Values& v) { return loss(x, weight, v); }) < tolerance);
}

TEST_CASE("reference softmax and cross-entropy are finite for large logits and differentiate rightly") {
  const Values large = softmax({1000, 0, -1000}, 1, 3);
  CHECK(large[0] == 1.0);
  CHECK(large[2] == 0.0);

  const Values logits = random_values(12, 16), grad = random_values(12, 17);
  const std::vector<int> labels{0, 3, 1};
  const CrossEntropy result = softmax_cross_entropy(logits, labels, 4);
  CHECK(gradient_error(logits, result.logits_grad,
                       [&](const Values& v) { return softmax_cross_entropy(v, labels, 4).loss; }) < tolerance);
  const CrossEntropy smoothed = softmax_cross_entropy(logits, labels, 4, 0.25);
  CHECK(gradient_error(logits, smoothed.logits_grad,
                       [&](const Values& v) { return softmax_cross_entropy(v, labels, 4, 0.25).loss; }) < tolerance);
  const Values weights{0.5, 1, 2, 4};
  const CrossEntropy weighted = softmax_cross_entropy(logits, labels, 4, 0.25, weights);
  CHECK(gradient_error(logits, weighted.logits_grad, [&](const Values& v) {
          return softmax_cross_entropy(v, labels, 4, 0.25, weights).loss;
        }) < tolerance);
  CHECK(gradient_error(logits, softmax_backward(result.probabilities, grad, 3, 4),
                       [&](const Values& v) { return dot(softmax(v, 3, 4), grad); }) < tolerance);
  CHECK(softmax_cross_entropy({0, 0}, std::vector<int>{1}, 2).loss == doctest::Approx(std::log(2.0)));
  // An image of weight 3 counts as much as three images.
  const Values two{1, 0, 0, 1}, four{1, 0, 1, 0, 1, 0, 0, 1};
  CHECK(softmax_cross_entropy(two, std::vector<int>{0, 0}, 2, 0, {3, 1}).loss ==
        doctest::Approx(softmax_cross_entropy(two, std::vector<int>{0, 0}, 2).loss));
  CHECK(softmax_cross_entropy(two, std::vector<int>{0, 1}, 2, 0, {3, 1}).loss ==
        doctest::Approx(softmax_cross_entropy(four, std::vector<int>{0, 0, 0, 1}, 2).loss));
}

}  // namespace cascadecl::reference
