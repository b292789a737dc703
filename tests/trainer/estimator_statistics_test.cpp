#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/reference_policy.h"

// What the theory says of the baselines, checked on the reference in double, which estimator_test.cpp holds the kernels
// against draw by draw. Gradients are by the parameters of two tiny policies.
namespace cascadecl {
namespace {

using reference::StoppingProblem;
using reference::Values;

constexpr int classes = 4, stages = 3;

std::size_t size(int count) { return static_cast<std::size_t>(count); }

struct Cascade {
  StoppingProblem problem;
  Values stop_logit, score_norm;  // [stages-1][n]
  std::vector<Values> gradient;   // of the stop logit by the policy's parameters, likewise
};

// n images, the first `distinct` of them again and again, so that the exact gradient is the same for every n.
Cascade make_cascade(int n, int distinct) {
  Cascade c{.problem = {.stages = stages, .n = n, .classes = classes, .exit_penalty = {0.1, 0.35, 0.9}}};
  const Values probabilities = reference::random_probabilities(stages * distinct, classes, 3);
  for (int k = 0; k < stages; ++k)
    for (int i = 0; i < n; ++i) {
      const auto row = probabilities.begin() + (k * distinct + i % distinct) * classes;
      c.problem.probabilities.insert(c.problem.probabilities.end(), row, row + classes);
    }
  for (int i = 0; i < n; ++i) c.problem.labels.push_back(i % distinct * 7 % classes);
  for (int t = 0; t + 1 < stages; ++t) {
    const Policy policy = reference::random_policy(PolicyInput::sorted, classes, 3, 40 + static_cast<unsigned>(t));
    for (int i = 0; i < n; ++i) {
      const Values input = reference::policy_input(PolicyInput::sorted, c.problem.row(t, i));
      c.stop_logit.push_back(reference::stop_logit(policy, input));
      c.gradient.push_back(reference::stop_logit_gradient(policy, input));
      double norm = 0;
      for (const double g : c.gradient.back()) norm += g * g;
      c.score_norm.push_back(norm);
    }
  }
  return c;
}

// From the gradient by stop logits to that by all parameters.
Values by_parameters(const Cascade& c, const Values& stop_gradient) {
  const std::size_t parameters = c.gradient[0].size();
  Values sum(parameters * (stages - 1), 0.0);
  for (std::size_t i = 0; i < stop_gradient.size(); ++i) {
    if (stop_gradient[i] == 0) continue;
    double* part = &sum[parameters * (i / size(c.problem.n))];
    for (std::size_t w = 0; w < parameters; ++w) part[w] += stop_gradient[i] * c.gradient[i][w];
  }
  return sum;
}

Values exact(const Cascade& c) {
  return by_parameters(c, reference::exact_gradient(c.problem, c.stop_logit, 0).stop_gradient);
}

Values sampled(const Cascade& c, Baseline baseline, unsigned step) {
  const auto estimate = reference::reinforce_gradient(c.problem, c.stop_logit, c.score_norm, {},
                                                      {.baseline = baseline, .seed = 5, .step = step});
  return by_parameters(c, estimate.stop_gradient);
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The estimator's mean along the exact gradient, whose own is 1, and its standard error.
struct Projection {
  double mean, error;
};
Projection project(int n, Baseline baseline, unsigned samples) {
  const Cascade c = make_cascade(n, 2);
  const Values truth = exact(c);
  const double scale = 1 / dot(truth, truth);
  double sum = 0, squares = 0;
  for (unsigned step = 0; step < samples; ++step) {
    const double value = dot(sampled(c, baseline, step), truth) * scale;
    sum += value;
    squares += value * value;
  }
  const double mean = sum / samples;
  return {mean, std::sqrt((squares / samples - mean * mean) / samples)};
}

// E|g - E g|^2 over the samples.
double total_variance(const Cascade& c, Baseline baseline, unsigned samples) {
  Values mean = exact(c);
  std::fill(mean.begin(), mean.end(), 0.0);
  double squares = 0;
  for (unsigned step = 0; step < samples; ++step) {
    const Values g = sampled(c, baseline, step);
    squares += dot(g, g) / samples;
    for (std::size_t i = 0; i < g.size(); ++i) mean[i] += g[i] / samples;
  }
  return squares - dot(mean, mean);
}

}  // namespace

TEST_CASE("no baseline and variance-split have the exact gradient as their mean") {
  for (const Baseline baseline : {Baseline::none, Baseline::variance_split}) {
    const Projection p = project(4, baseline, 40000);
    CAPTURE(p.error);
    CHECK(std::abs(p.mean - 1) < 4 * p.error);
  }
}

TEST_CASE("the mean of the own batch as baseline shrinks the gradient by 1 - 1/n") {
  for (const int n : {2, 8}) {
    const Projection p = project(n, Baseline::mean, 20000);
    CAPTURE(p.error);
    CHECK(std::abs(p.mean - (1 - 1.0 / n)) < 4 * p.error);
  }
}

TEST_CASE("the variance baseline of the own batch is biased, less so the larger the batch") {
  const Projection small = project(2, Baseline::variance, 40000), large = project(32, Baseline::variance, 10000);
  CAPTURE(small.error);
  CAPTURE(large.error);
  CHECK(std::abs(small.mean - 1) > 4 * small.error);
  CHECK(std::abs(large.mean - 1) < std::abs(small.mean - 1) / 4);  // 16 times less in theory
}

TEST_CASE("the variance baselines vary no more than none or the mean") {
  const Cascade c = make_cascade(64, 16);
  const double none = total_variance(c, Baseline::none, 4000), mean = total_variance(c, Baseline::mean, 4000);
  // b is estimated from 64 or 32 images, which costs some 1/32 of the variance, and 4,000 samples tell 2 % apart.
  const double limit = 1.05 * std::min(none, mean);
  CAPTURE(none);
  CAPTURE(mean);
  CHECK(total_variance(c, Baseline::variance, 4000) < limit);
  CHECK(total_variance(c, Baseline::variance_split, 4000) < limit);
  CHECK(total_variance(c, Baseline::variance, 4000) < 0.8 * none);
}

}  // namespace cascadecl
