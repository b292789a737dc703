#include "runtime/ops/softmax.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

// Probabilities are at most 1 and carry a few roundings of exp, sum and quotient.
constexpr double tolerance = 1e-6;

struct Case {
  int n, classes;
};
constexpr Case cases[] = {{1, 2}, {3, 10}, {128, 10}, {5, 100}, {2, 1}};

std::vector<int> some_labels(int n, int classes) {
  std::vector<int> labels(to_size_t(n));
  for (int i = 0; i < n; ++i) labels[to_size_t(i)] = (7 * i + 1) % classes;
  return labels;
}

int first_of_largest(const Values& logits, std::size_t row, std::size_t classes) {
  const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(row * classes);
  return static_cast<int>(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(classes)) - begin);
}

// Some classes weigh four times as much as others.
std::vector<float> some_weights(int classes) {
  std::vector<float> weights;
  for (int c = 0; c < classes; ++c) weights.push_back(0.5F + 0.5F * static_cast<float>(c % 4));
  return weights;
}

void check_cross_entropy(const Case& test, float smoothing, const std::vector<float>& class_weights = {}) {
  CAPTURE(test.classes);
  CAPTURE(class_weights.empty());
  const auto [n, classes] = test;
  const Values logits = random_values(to_size_t(n * classes), 3);  // with equal values among them
  const std::vector<int> labels = some_labels(n, classes);
  double weights = 0;
  for (const int label : labels)
    weights += class_weights.empty() ? 1 : static_cast<double>(class_weights[to_size_t(label)]);
  const Guarded<float> x(to_floats(logits)), loss(to_size_t(n)), correct(to_size_t(n)), dx(to_size_t(n * classes));
  const Guarded<int> y(labels);
  CrossEntropy cross_entropy(test_device(), classes, smoothing, class_weights);
  cross_entropy.run(n, x, y, 1.0f / static_cast<float>(weights), loss, correct, dx);

  const reference::CrossEntropy expected =
      reference::softmax_cross_entropy(logits, labels, classes, smoothing, to_doubles(class_weights));
  const Values losses = to_doubles(loss.read());
  CHECK(std::accumulate(losses.begin(), losses.end(), 0.0) / weights == doctest::Approx(expected.loss).epsilon(1e-6));
  CHECK(largest_difference(expected.logits_grad, to_doubles(dx.read())) < tolerance);
  const std::vector<float> right = correct.read();
  for (std::size_t i = 0; i < to_size_t(n); ++i)
    CHECK(right[i] == (first_of_largest(logits, i, to_size_t(classes)) == labels[i] ? 1.0f : 0.0f));
}

}  // namespace

TEST_CASE("softmax equals the reference") {
  for (const Case& test : cases) {
    const int n = test.n, classes = test.classes;
    CAPTURE(classes);
    const Values logits = random_values(to_size_t(n * classes), 3);
    const Guarded<float> x(to_floats(logits)), p(to_size_t(n * classes));
    Softmax(test_device(), classes).run(n, x, p);
    CHECK(largest_difference(reference::softmax(logits, n, classes), to_doubles(p.read())) < tolerance);
  }
}

TEST_CASE("softmax of huge logits stays finite") {
  const Guarded<float> x(std::vector<float>{1e30f, -1e30f, 0, 1000, 1000, -1000}), p(6);
  Softmax(test_device(), 3).run(2, x, p);
  CHECK(p.read() == std::vector<float>{1, 0, 0, 0.5f, 0.5f, 0});
}

TEST_CASE("cross-entropy, its gradient and the first argmax equal the reference") {
  for (const Case& test : cases)
    for (const float smoothing : {0.0f, 0.25f}) check_cross_entropy(test, smoothing);
}

TEST_CASE("cross-entropy weighs images by their class as the reference does") {
  for (const Case& test : cases)
    for (const float smoothing : {0.0f, 0.25f}) check_cross_entropy(test, smoothing, some_weights(test.classes));
}

TEST_CASE("class weights of 1 give the bits of none") {
  const int n = 16, classes = 7;
  const Guarded<float> x(to_floats(random_values(to_size_t(n * classes), 5))), loss(to_size_t(n)),
      correct(to_size_t(n)), dx(to_size_t(n * classes)), loss1(to_size_t(n)), dx1(to_size_t(n * classes));
  const Guarded<int> y(some_labels(n, classes));
  CrossEntropy(test_device(), classes, 0.1f).run(n, x, y, 1.0f / 16, loss, correct, dx);
  CrossEntropy(test_device(), classes, 0.1f, std::vector<float>(to_size_t(classes), 1.0f))
      .run(n, x, y, 1.0f / 16, loss1, correct, dx1);
  CHECK(loss1.read() == loss.read());
  CHECK(dx1.read() == dx.read());
}

TEST_CASE("cross-entropy of a label that does not exist is NaN and touches nothing else") {
  const Guarded<float> x(std::vector<float>(6, 0.0f)), loss(2), correct(2), dx(6);
  const Guarded<int> labels(std::vector<int>{3, -1});
  CrossEntropy(test_device(), 3).run(2, x, labels, 1.0f, loss, correct, dx);
  for (const float value : loss.read()) CHECK(std::isnan(value));
  CHECK(correct.read() == std::vector<float>(2, 0.0f));
  CHECK(dx.read() == std::vector<float>(6, 1.0f / 3));
}

TEST_CASE("metric sums stay right where plain float sums would drift") {
  const int n = 1000, batches = 300;
  const std::vector<float> losses(to_size_t(n), 0.1f), ones(to_size_t(n), 1.0f);
  const Guarded<float> loss(losses), correct(ones);
  MetricSum sum(test_device());
  for (int i = 0; i < batches; ++i) sum.add(n, loss, correct);
  CHECK(sum.read().loss == doctest::Approx(300000 * static_cast<double>(0.1f)).epsilon(1e-9));
  CHECK(sum.read().correct == 300000);
  sum.reset();
  sum.add(0, loss, correct);
  CHECK(sum.read().loss == 0);
  CHECK(sum.read().correct == 0);
}

}  // namespace cascadecl
