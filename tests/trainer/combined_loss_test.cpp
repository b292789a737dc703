#include "trainer/combined_loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/device_test.h"
#include "tests/support/reference_policy.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr int stages = 3, classes = 7, n = 5, stride = 6;
constexpr double tolerance = 2e-6;
const CombinationWeights weights = {0.9, 0, 0, 0.4, 0.7, 0, 0.25, 0.35, 0.8};

std::size_t at(int stage, int image, int c) { return to_size_t((stage * stride + image) * classes + c); }

// Logits [stages][stride][classes] and all that follows from them, in plain loops.
struct Problem {
  Values logits = random_values(to_size_t(stages * stride * classes), 5);
  Values stop_logit = random_values(to_size_t((stages - 1) * stride), 7);
  std::vector<int> labels = {0, 6, 3, 3, 1};

  Values probabilities() const { return reference::softmax(logits, stages * stride, classes); }

  // A_k of an image.
  Values answer(int k, int image) const {
    const Values p = probabilities();
    Values scores(classes);
    for (int t = 0; t <= k; ++t)
      for (int c = 0; c < classes; ++c)
        scores[to_size_t(c)] += weights[to_size_t(k * stages + t)] * std::log(p[at(t, image, c)]);
    return reference::softmax(scores, 1, classes);
  }

  double leaving(int k, int image) const {
    double probability = 1;
    for (int t = 0; t < k; ++t) probability *= 1 - reference::sigmoid(stop_logit[to_size_t(t * stride + image)]);
    return k + 1 < stages ? probability * reference::sigmoid(stop_logit[to_size_t(k * stride + image)]) : probability;
  }

  double importance(int k, int image, double floor) const {
    double mean = 0;
    for (int i = 0; i < n; ++i) mean += leaving(k, i) / n;
    return floor + (1 - floor) * leaving(k, image) / mean;
  }

  double loss(int image, double floor) const {
    double sum = 0;
    for (int k = 0; k < stages; ++k)
      sum -= importance(k, image, floor) * std::log(answer(k, image)[to_size_t(labels[to_size_t(image)])]);
    return sum;
  }
};

struct OnDevice {
  OnDevice(const Problem& problem, float floor)
      : probabilities(to_floats(problem.probabilities())), stop(to_floats(problem.stop_logit)), labels(problem.labels) {
    loss.set_weights(weights);
    loss.combine(n, probabilities);
    if (floor < 1) loss.weigh_by_exit(n, floor, stop);
  }
  CombinedLoss loss{test_device(), stages, classes, stride};
  Guarded<float> probabilities, stop;
  Guarded<int> labels;
};

TEST_CASE("combined answers, their loss and right answers equal the reference") {
  const Problem problem;
  for (const double floor : {1.0, 0.3, 0.0}) {
    OnDevice device(problem, static_cast<float>(floor));
    const std::vector<float> answers = test_device().read(device.loss.answers());
    const Guarded<float> losses(n), correct(n);
    device.loss.run(n, device.labels, losses, correct);
    const std::vector<float> loss = losses.read(), right = correct.read();
    for (int i = 0; i < n; ++i) {
      for (int k = 0; k < stages; ++k)
        for (int c = 0; c < classes; ++c)
          CHECK(std::abs(answers[at(k, i, c)] - problem.answer(k, i)[to_size_t(c)]) < tolerance);
      CHECK(loss[to_size_t(i)] == doctest::Approx(problem.loss(i, floor)).epsilon(1e-5));
      const Values last = problem.answer(stages - 1, i);
      const bool is_right = std::ranges::max_element(last) - last.begin() == problem.labels[to_size_t(i)];
      CHECK(right[to_size_t(i)] == (is_right ? 1.0F : 0.0F));
    }
  }
}

TEST_CASE("the gradient of the combined loss is its finite difference, importance held constant") {
  const Problem problem;
  constexpr double floor = 0.3, step = 1e-5;
  OnDevice device(problem, static_cast<float>(floor));
  // The loss of an image with one logit moved; importance does not depend on logits of labels.
  const auto moved = [&](int t, int i, int c, double by) {
    Problem other = problem;
    other.logits[at(t, i, c)] += by;
    return other.loss(i, floor);
  };
  for (int t = 0; t < stages; ++t) {
    const Guarded<float> gradient(to_size_t(n * classes));
    device.loss.gradient(n, t, 0.25F, device.labels, gradient);
    const std::vector<float> values = gradient.read();
    for (int i = 0; i < n; ++i)
      for (int c = 0; c < classes; ++c)
        CHECK(values[to_size_t(i * classes + c)] ==
              doctest::Approx(0.25 * (moved(t, i, c, step) - moved(t, i, c, -step)) / (2 * step)).epsilon(1e-4));
  }
}

}  // namespace
}  // namespace cascadecl
