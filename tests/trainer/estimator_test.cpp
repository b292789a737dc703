#include "trainer/estimator.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_policy.h"
#include "trainer/policy_net.h"

namespace cascadecl {
namespace {

using namespace testing;
using reference::ReinforceCase;
using reference::StoppingGradient;
using reference::StoppingProblem;

// Products of a few numbers below 2 in float.
constexpr double tolerance = 2e-6;

const std::vector<double> relative_costs = {0.116, 0.337, 1.0};

struct Problem {
  StoppingProblem problem;
  Values stop_logit, score_norm, feature_norm;
  EstimatorSettings settings;
};

Problem make_problem(int n, int classes, EstimatorSettings settings) {
  Problem p{.problem = {.stages = 3, .n = n, .classes = classes}, .settings = settings};
  p.problem.probabilities = reference::random_probabilities(3 * n, classes, 3);
  for (int i = 0; i < n; ++i) p.problem.labels.push_back(i * 5 % classes);
  for (const double cost : exit_costs(relative_costs, settings.learning.cost_through))
    p.problem.exit_penalty.push_back(settings.learning.alpha * cost);
  p.problem.top_k = settings.learning.top_k;
  p.problem.reward_label = settings.learning.reward_label;
  p.stop_logit = random_values(2 * to_size_t(n), 17);
  for (const double v : random_values(2 * to_size_t(n), 19)) p.score_norm.push_back(std::abs(v) + 0.5);
  for (const double v : random_values(3 * to_size_t(n), 23)) p.feature_norm.push_back(std::abs(v));
  return p;
}

// The estimator on the device, on a batch that is as large as it may be.
struct Run {
  explicit Run(const Problem& p, double entropy = 0, unsigned step = 0)
      : estimator(test_device(), p.settings, relative_costs, p.problem.classes, p.problem.n) {
    batch.n = p.problem.n;
    batch.probabilities = {test_device().upload(to_floats(p.problem.probabilities)), p.problem.n, {}, 0};
    batch.labels = test_device().upload(p.problem.labels);
    batch.stop_logit = test_device().upload(to_floats(p.stop_logit));
    batch.score_norm = test_device().upload(to_floats(p.score_norm));
    batch.feature_norm = test_device().upload(to_floats(p.feature_norm));
    estimator.run(batch, entropy, step);
  }
  Values stop_gradient() const { return to_doubles(test_device().read(estimator.stop_gradient())); }
  Values class_gradient() const { return to_doubles(test_device().read(estimator.class_gradient())); }
  Values reward() const { return to_doubles(test_device().read(estimator.reward())); }

  Estimator estimator;
  Estimator::Batch batch;
};

void check_equal(const StoppingGradient& expected, const Run& run, bool class_gradient) {
  CHECK(largest_difference(expected.reward, run.reward()) < tolerance);
  CHECK(largest_difference(expected.stop_gradient, run.stop_gradient()) < tolerance);
  if (class_gradient) CHECK(largest_difference(expected.class_gradient, run.class_gradient()) < tolerance);
}

double mean(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// Images that are all alike: every gradient of the batch is one draw of the same distribution, n times too small.
Problem alike(int n, EstimatorSettings settings) {
  Problem p = make_problem(1, 4, settings);
  p.problem.n = n;
  const auto repeat = [n](const Values& per_stage, int width) {
    Values all;
    for (std::size_t s = 0; s < per_stage.size(); s += to_size_t(width))
      for (int i = 0; i < n; ++i)
        for (int c = 0; c < width; ++c) all.push_back(per_stage[s + to_size_t(c)]);
    return all;
  };
  p.problem.probabilities = repeat(p.problem.probabilities, 4);
  p.problem.labels.assign(to_size_t(n), p.problem.labels[0]);
  p.stop_logit = repeat({0.25, -0.5}, 1);
  p.score_norm = repeat({2, 3}, 1);
  p.feature_norm = repeat({1, 1, 1}, 1);
  return p;
}

// Whether the mean of values[begin...begin+n) * n agrees with `expected` * n within five standard errors.
void check_mean(const Values& values, std::size_t begin, int n, double expected) {
  double sum = 0, squares = 0;
  for (std::size_t i = begin; i < begin + to_size_t(n); ++i) {
    sum += values[i] * n;
    squares += values[i] * values[i] * n * n;
  }
  const double average = sum / n, error = std::sqrt((squares / n - average * average) / n);
  CAPTURE(error);
  CHECK(std::abs(average - expected * n) < 5 * error + 1e-6);
}

}  // namespace

TEST_CASE("exact gradient equals the reference for both cost conventions, labels and top-k") {
  for (const CostThrough through : {CostThrough::stop, CostThrough::previous})
    for (const RewardLabel label : {RewardLabel::sampled, RewardLabel::argmax})
      for (const int top_k : {1, 3}) {
        const Problem p = make_problem(9, 7,
                                       {.learning = {.estimator = EstimatorKind::exact,
                                                     .cost_through = through,
                                                     .reward_label = label,
                                                     .alpha = 0.3,
                                                     .top_k = top_k},
                                        .class_gradient = true});
        check_equal(reference::exact_gradient(p.problem, p.stop_logit, 0.05), Run(p, 0.05), true);
      }
}

TEST_CASE("reinforce equals the reference for every baseline, label and top-k") {
  for (const Baseline baseline : {Baseline::none, Baseline::mean, Baseline::variance, Baseline::variance_split})
    for (const RewardLabel label : {RewardLabel::sampled, RewardLabel::argmax})
      for (const int n : {1, 37}) {
        const Problem p = make_problem(
            n, 7,
            {.learning = {.baseline = baseline, .reward_label = label, .alpha = 0.3, .top_k = n == 1 ? 1 : 2},
             .seed = 77,
             .class_gradient = n > 1});
        const ReinforceCase c{.baseline = baseline, .entropy = 0.05, .class_gradient = n > 1, .seed = 77, .step = 5};
        const StoppingGradient expected =
            reference::reinforce_gradient(p.problem, p.stop_logit, p.score_norm, p.feature_norm, c);
        const Run run(p, 0.05, 5);
        check_equal(expected, run, n > 1);
        CHECK(test_device().read(run.estimator.exits()) == expected.exits);
      }
}

TEST_CASE("reinforce without baseline and with variance-split is without bias") {
  constexpr int n = 20000;
  for (const Baseline baseline : {Baseline::none, Baseline::variance_split}) {
    const Problem p = alike(n, {.learning = {.baseline = baseline, .alpha = 0.4}, .class_gradient = true});
    const StoppingGradient expected = reference::exact_gradient(p.problem, p.stop_logit, 0);
    const Run run(p);
    const Values stop = run.stop_gradient(), classes = run.class_gradient();
    for (std::size_t t = 0; t < 2; ++t) check_mean(stop, t * n, n, expected.stop_gradient[t * n]);
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t c = 0; c < 4; ++c) {
        Values of_class;
        for (std::size_t i = 0; i < n; ++i) of_class.push_back(classes[(k * n + i) * 4 + c]);
        check_mean(of_class, 0, n, expected.class_gradient[k * n * 4 + c]);
      }
  }
}

TEST_CASE("the exit probabilities sum to one whatever the stop logits") {
  // All stages are always wrong and cost nothing, so that the expected reward is minus the sum of the probabilities.
  Problem p = make_problem(50, 4, {.learning = {.estimator = EstimatorKind::exact, .alpha = 0}});
  for (std::size_t i = 0; i < p.problem.probabilities.size(); ++i)
    p.problem.probabilities[i] = static_cast<int>(i % 4) == p.problem.labels[i / 4 % 50] ? 0 : 1.0 / 3;
  CHECK(rc::check([&] {
    for (double& z : p.stop_logit) z = *rc::gen::inRange(-40000, 40000) / 1000.0;
    for (const double reward : Run(p).reward()) RC_ASSERT(std::abs(reward + 1) < 1e-6);
    const Values exits = reference::exit_probabilities({p.stop_logit[0], p.stop_logit[1]});
    RC_ASSERT(std::abs(exits[0] + exits[1] + exits[2] - 1) < 1e-12);
  }));
}

TEST_CASE("stopping pays for the stages up to it, or only for those before it") {
  CHECK(exit_costs({0.1, 0.3, 1}, CostThrough::stop) == std::vector<double>{0.1, 0.4, 1.4});
  CHECK(exit_costs({0.1, 0.3, 1}, CostThrough::previous) == std::vector<double>{0, 0.1, 0.4});
}

TEST_CASE("survivors are the images that reinforce sends past a stage") {
  const Problem p = make_problem(200, 4, {.seed = 3});
  Run run(p, 0, 8);
  const std::vector<int> exits = test_device().read(run.estimator.exits());
  for (int last = 0; last < 2; ++last) {
    const Guarded<int> keep(200);
    run.estimator.survivors(200, last, run.batch.stop_logit, 8, keep);
    const std::vector<int> kept = keep.read();
    for (std::size_t i = 0; i < 200; ++i) CHECK(kept[i] == (exits[i] > last ? 1 : 0));
  }
}

TEST_CASE("reinforce reads nothing of stages that an image does not reach") {
  Problem p = make_problem(60, 4, {.learning = {.alpha = 0.2}, .class_gradient = true});
  const Run whole(p);
  const std::vector<int> exits = test_device().read(whole.estimator.exits());
  for (int i = 0; i < 60; ++i)
    for (int k = exits[to_size_t(i)] + 1; k < 3; ++k) {
      if (k < 2) p.stop_logit[to_size_t(k * 60 + i)] = std::numeric_limits<double>::quiet_NaN();
      for (int c = 0; c < 4; ++c)
        p.problem.probabilities[to_size_t((k * 60 + i) * 4 + c)] = std::numeric_limits<double>::quiet_NaN();
    }
  const Run visited(p);
  CHECK(visited.stop_gradient() == whole.stop_gradient());
  CHECK(visited.class_gradient() == whole.class_gradient());
}

TEST_CASE("squared norms of features go to their stage's place") {
  const Problem p = make_problem(3, 4, {});
  Run run(p);
  const Guarded<float> norms(9);
  const Guarded<float> features(std::vector<float>{1, 2, 3, 4, 0, 1});
  run.estimator.squared_norms(3, 2, features, 1, norms);
  const std::vector<float> values = norms.read();
  CHECK(std::vector<float>(values.begin() + 3, values.begin() + 6) == std::vector<float>{5, 25, 1});
}

TEST_CASE("finite differences of the expected reward through the policies' parameters give the exact gradient") {
  Problem p = make_problem(6, 4, {.learning = {.estimator = EstimatorKind::exact, .alpha = 0.4}});
  std::vector<Policy> policies;
  for (unsigned t = 0; t < 2; ++t) policies.push_back(reference::random_policy(PolicyInput::sorted, 4, 5, 31 + t));
  PolicyNet net(test_device(), policies, 6);
  Run run(p);
  net.forward(6, run.batch.probabilities, 1, 0);
  run.batch.stop_logit = net.stop_logit();
  run.estimator.run(run.batch, 0, 0);
  net.backward(6, run.estimator.stop_gradient());
  const std::vector<Policy> gradients = net.gradients();

  const auto loss = [&] {
    Values z;
    for (int t = 0; t < 2; ++t)
      for (int i = 0; i < 6; ++i)
        z.push_back(reference::stop_logit(policies[to_size_t(t)],
                                          reference::policy_input(PolicyInput::sorted, p.problem.row(t, i))));
    return -mean(reference::exact_gradient(p.problem, z, 0).reward);
  };
  for (std::size_t t = 0; t < 2; ++t)
    for (std::vector<float> Policy::*array :
         {&Policy::weight1, &Policy::bias1, &Policy::weight2, &Policy::bias2, &Policy::weight3, &Policy::bias3})
      for (std::size_t w = 0; w < (policies[t].*array).size(); ++w) {
        float& weight = (policies[t].*array)[w];
        const float before = weight;
        const double up = static_cast<double>(weight = before + 0x1p-10f), loss_up = loss();
        const double down = static_cast<double>(weight = before - 0x1p-10f), loss_down = loss();
        weight = before;
        // A step of 2^-10 leaves a curvature error of some 1e-6; a ReLU that flips in between would be larger.
        CHECK((gradients[t].*array)[w] ==
              doctest::Approx((loss_up - loss_down) / (up - down)).epsilon(0.01).scale(1e-3));
      }
}

TEST_CASE("estimator refuses settings out of range") {
  CHECK_THROWS_AS(Estimator(test_device(), {.learning = {.alpha = -1}}, relative_costs, 10, 8), UsageError);
  CHECK_THROWS_AS(Estimator(test_device(), {.learning = {.top_k = 10}}, relative_costs, 10, 8), UsageError);
  CHECK_THROWS_AS(Estimator(test_device(), {}, {}, 10, 8), UsageError);
}

}  // namespace cascadecl
