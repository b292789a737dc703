#include "trainer/distillation.h"

#include <doctest/doctest.h>

#include <cmath>

#include "runtime/ops/softmax.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

// Logits of a stage and a teacher's log q as the device gets it, rounded to halves; and what follows, in plain loops.
struct Problem {
  Problem(int images, int number_of_classes) : n(images), classes(number_of_classes) {
    logits = random_values(to_size_t(n * classes), 3);
    for (const double value : random_values(to_size_t(n * classes), 8)) {
      log_q.push_back(to_half(static_cast<float>(4 * value - 3)));
    }
    for (int i = 0; i < n; ++i) labels.push_back((7 * i + 1) % classes);
  }

  // log of the softmax of a row divided by T.
  Values log_softmax(Values row, double temperature) const {
    double sum = 0;
    for (double& value : row) sum += std::exp(value /= temperature);
    for (double& value : row) value -= std::log(sum);
    return row;
  }
  Values teacher_row(int image) const {
    Values row;
    for (int c = 0; c < classes; ++c)
      row.push_back(static_cast<double>(to_float(log_q[to_size_t(image * classes + c)])));
    return row;
  }

  double loss(const Values& of_logits, int image, double smoothing, double share, double temperature) const {
    const auto first = of_logits.begin() + static_cast<std::ptrdiff_t>(image) * classes;
    const Values row(first, first + classes);
    const Values log_p = log_softmax(row, 1), log_p_t = log_softmax(row, temperature),
                 log_q_t = log_softmax(teacher_row(image), temperature);
    double entropy = 0, divergence = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool right = static_cast<int>(c) == labels[to_size_t(image)];
      entropy -= ((right ? 1 - smoothing : 0) + smoothing / classes) * log_p[c];
      divergence += std::exp(log_q_t[c]) * (log_q_t[c] - log_p_t[c]);
    }
    return (1 - share) * entropy + share * temperature * temperature * divergence;
  }

  int n, classes;
  Values logits;
  std::vector<Half> log_q;
  std::vector<int> labels;
};

struct OnDevice {
  OnDevice(const Problem& problem, double smoothing, double share, double temperature, float weight) {
    const Guarded<float> x(to_floats(problem.logits)), correct(to_size_t(problem.n)), losses(to_size_t(problem.n)),
        dx(problem.logits.size());
    const Guarded<int> labels(problem.labels);
    const Guarded<Half> teacher(problem.log_q);
    CrossEntropy(test_device(), problem.classes, static_cast<float>(smoothing))
        .run(problem.n, x, labels, weight, losses, correct, dx);
    Distillation(test_device(), problem.classes, share, temperature).run(problem.n, x, teacher, weight, losses, dx);
    loss = losses.read();
    gradient = dx.read();
  }
  std::vector<float> loss, gradient;
};

TEST_CASE("a distilled loss and its gradient are those of plain loops and finite differences") {
  for (const auto& [n, classes] : {std::pair{1, 2}, {5, 10}, {3, 100}}) {
    const Problem problem(n, classes);
    for (const auto& [smoothing, share, temperature] :
         {std::tuple{0.0, 0.9, 3.0}, {0.1, 0.5, 4.0}, {0.0, 1.0, 1.0}, {0.2, 0.0, 2.0}}) {
      CAPTURE(classes);
      CAPTURE(share);
      constexpr double step = 1e-5;
      constexpr float weight = 0.25F;
      const OnDevice device(problem, smoothing, share, temperature, weight);
      for (int i = 0; i < n; ++i) {
        const double loss = problem.loss(problem.logits, i, smoothing, share, temperature);
        CHECK(device.loss[to_size_t(i)] == doctest::Approx(loss).epsilon(1e-5));
        for (int c = 0; c < classes; ++c) {
          const std::size_t at = to_size_t(i * classes + c);
          Values more = problem.logits, less = problem.logits;
          more[at] += step;
          less[at] -= step;
          const double slope = (problem.loss(more, i, smoothing, share, temperature) -
                                problem.loss(less, i, smoothing, share, temperature)) /
                               (2 * step);
          CHECK(std::abs(static_cast<double>(device.gradient[at]) - 0.25 * slope) < 1e-6);
        }
      }
    }
  }
}

TEST_CASE("a teacher that says what the stage says adds no loss and no gradient") {
  Problem problem(4, 10);
  for (std::size_t i = 0; i < problem.logits.size(); ++i) {
    problem.log_q[i] = to_half(static_cast<float>(problem.logits[i]));
    problem.logits[i] = static_cast<double>(to_float(problem.log_q[i]));
  }
  const OnDevice device(problem, 0, 1, 4, 1);
  for (const float loss : device.loss) CHECK(std::abs(loss) < 1e-5F);
  for (const float slope : device.gradient) CHECK(std::abs(slope) < 1e-6F);
}

TEST_CASE("logits of any size and a teacher that is certain give a finite loss") {
  Problem problem(2, 3);
  problem.logits = {1e4, -1e4, 0, -3e4, 0, 3e4};
  const Half certain = to_half(0), never = to_half(static_cast<float>(std::log(1e-30)));
  problem.log_q = {never, certain, never, certain, never, never};
  const OnDevice device(problem, 0, 0.9, 3, 1);
  for (const float loss : device.loss) CHECK(std::isfinite(loss));
  for (const float slope : device.gradient) CHECK(std::isfinite(slope));
}

}  // namespace
}  // namespace cascadecl
