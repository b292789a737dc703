#include "trainer/policy_phase.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "trainer/estimator.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr int classes = 10, stages = 3, images = 1500;
const std::vector<double> relative_costs = {0.116, 0.337, 1.0};

struct Stages {
  std::vector<float> probabilities;  // [stages][images][classes]
  std::vector<int> labels;
};

// Label probabilities of three calibrated-looking stages, each better than the one before, on easy and hard images.
Stages make_stages() {
  std::mt19937 engine(5);
  std::normal_distribution<double> normal;
  constexpr double strength[stages] = {5.8, 7.4, 9.0};
  Stages s{std::vector<float>(to_size_t(stages * images * classes)), std::vector<int>(to_size_t(images))};
  for (int i = 0; i < images; ++i) {
    const int label = static_cast<int>(engine() % classes);
    s.labels[to_size_t(i)] = label;
    const double difficulty = std::exp(0.5 * normal(engine));
    double shared[classes];
    for (double& value : shared) value = 1.8 * normal(engine);
    for (int k = 0; k < stages; ++k) {
      Values logits;
      for (int c = 0; c < classes; ++c)
        logits.push_back((c == label ? strength[k] / difficulty : 0.0) + shared[c] + 1.6 * normal(engine));
      const Values row = reference::softmax(logits, 1, classes);
      std::copy(row.begin(), row.end(), s.probabilities.begin() + (k * images + i) * classes);
    }
  }
  return s;
}

const Stages& made_stages() {
  static const Stages stages_made = make_stages();
  return stages_made;
}

PolicyPhase make_phase(const PolicyPhaseSettings& settings) {
  return PolicyPhase(test_device(), settings, relative_costs, classes, made_stages().probabilities,
                     made_stages().labels);
}

const PolicyEpoch& train(PolicyPhase& phase) {
  while (!phase.finished()) phase.run_epoch();
  return phase.history().back();
}

// The largest mean reward of any policy that leaves all images at one stage.
double best_static_reward(double alpha) {
  const std::vector<double> costs = exit_costs(relative_costs, CostThrough::stop);
  double best = -10;
  for (int k = 0; k < stages; ++k) {
    double sum = 0;
    for (int i = 0; i < images; ++i)
      sum +=
          made_stages().probabilities[to_size_t((k * images + i) * classes + made_stages().labels[to_size_t(i)])] - 1;
    best = std::max(best, sum / images - alpha * costs[to_size_t(k)]);
  }
  return best;
}

bool same(const std::vector<Policy>& a, const std::vector<Policy>& b) {
  for (std::size_t t = 0; t < a.size(); ++t)
    for (std::size_t i = 0; i < policy_arrays(a[t]).size(); ++i)
      if (*policy_arrays(a[t])[i].values != *policy_arrays(b[t])[i].values) return false;
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("policies learn to stop early on easy images, by either estimator and every input") {
  for (const EstimatorKind estimator : {EstimatorKind::reinforce, EstimatorKind::exact})
    for (const PolicyInput input : {PolicyInput::raw, PolicyInput::sorted, PolicyInput::permuted}) {
      CAPTURE(to_string(input));
      PolicyPhase phase =
          make_phase({.learning = {.epochs = 40, .estimator = estimator, .alpha = 0.1, .input = input}});
      const PolicyEpoch& last = train(phase);
      CHECK(last.expected_reward > best_static_reward(0.1) + 0.015);
      for (const double share : last.exit_share) CHECK(share > 0.1);  // neither all-stop nor all-continue
    }
}

TEST_CASE("a row of alphas moves the exits from the last stage to the first without collapse") {
  double cost = 10, first_share = 0;
  for (const double alpha : {0.02, 0.06, 0.2, 0.6}) {
    CAPTURE(alpha);
    PolicyPhase phase = make_phase({.learning = {.alpha = alpha}});
    const PolicyEpoch& last = train(phase);
    CHECK(last.mean_cost < cost);
    CHECK(last.exit_share[0] > first_share + 0.02);
    CHECK(last.exit_share[0] < 0.95);
    cost = last.mean_cost;
    first_share = last.exit_share[0];
  }
}

TEST_CASE("an interrupted policy phase that is restored ends bit-identical to an unbroken one") {
  const PolicyPhaseSettings settings{.learning = {.epochs = 6, .input = PolicyInput::permuted}, .seed = 9};
  PolicyPhase unbroken = make_phase(settings);
  train(unbroken);

  PolicyPhase first = make_phase(settings);
  for (int epoch = 0; epoch < 2; ++epoch) first.run_epoch();
  const PolicyPhaseState saved = first.state();
  CHECK(saved.epoch == 2);
  PolicyPhase second = make_phase(settings);
  second.restore(saved);
  train(second);

  CHECK(same(second.policies(), unbroken.policies()));
  CHECK(same(second.state().momentum, unbroken.state().momentum));
  REQUIRE(second.history().size() == 6);
  CHECK(second.history().back().expected_reward == unbroken.history().back().expected_reward);
}

TEST_CASE("history tells rate, entropy, shares, cost and accuracy of each epoch") {
  PolicyPhase phase = make_phase({.learning = {.epochs = 5, .entropy = 0.04}});
  train(phase);
  REQUIRE(phase.history().size() == 5);
  CHECK(phase.history()[2].entropy == doctest::Approx(0.02));
  CHECK(phase.history()[4].entropy == doctest::Approx(0));
  CHECK(phase.history()[3].learning_rate == doctest::Approx(0.1));
  CHECK(phase.history()[4].learning_rate == doctest::Approx(0.09));
  for (const PolicyEpoch& epoch : phase.history()) {
    const auto& share = epoch.exit_share;
    CHECK(std::accumulate(share.begin(), share.end(), 0.0) == doctest::Approx(1));
    CHECK(epoch.mean_cost == doctest::Approx(share[0] * 0.116 + share[1] * 0.453 + share[2] * 1.453));
    CHECK(epoch.accuracy > 0.5);
    CHECK(epoch.accuracy <= 1);
  }
}

TEST_CASE("the policy phase takes fewer images than a batch, even one") {
  const std::vector<float> p(30, 0.1f);
  PolicyPhase phase(test_device(), {.learning = {.epochs = 2}}, relative_costs, classes, p, std::vector<int>{7});
  train(phase);
  CHECK(phase.history().size() == 2);
}

TEST_CASE("the policy phase names what is wrong with its input") {
  const std::vector<float> p(3 * 2 * 4, 0.25f);
  const std::vector<int> labels = {0, 3};
  const auto make = [&](const PolicyPhaseSettings& settings, std::size_t count, std::vector<int> y) {
    PolicyPhase(test_device(), settings, relative_costs, 4, std::span(p).first(count), y);
  };
  CHECK_THROWS_WITH_AS(make({}, 20, labels), "policy phase: 20 probabilities, expected 3 stages x 2 images x 4 classes",
                       ShapeError);
  CHECK_THROWS_WITH_AS(make({}, 24, {0, 4}), "policy phase: label 4 of image 1, expected 0..3", ShapeError);
  CHECK_THROWS_AS(make({}, 0, {}), ShapeError);
  CHECK_THROWS_AS(make({.batch_size = 0}, 24, labels), UsageError);
  CHECK_THROWS_AS(make({.momentum = 1}, 24, labels), UsageError);
  CHECK_THROWS_AS(make({.learning = {.alpha = -0.1}}, 24, labels), UsageError);
  CHECK_THROWS_AS(PolicyPhase(test_device(), {}, {1.0}, 4, std::span(p).first(8), labels), UsageError);
}

TEST_CASE("wide policies are the default from 1,000 classes on") {
  CHECK(default_hidden(100) == 64);
  CHECK(default_hidden(1000) == 256);
}

}  // namespace cascadecl
