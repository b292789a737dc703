#include "trainer/joint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_network.h"
#include "tests/support/reference_policy.h"
#include "tests/support/reference_training.h"
#include "tests/support/test_networks.h"
#include "tests/support/training.h"

namespace cascadecl {
namespace {

using namespace testing;
using reference::DoubleParameters;
using reference::StoppingGradient;
using reference::StoppingProblem;

constexpr int classes = 10;  // of generated images
const std::vector<double> relative_costs = {0.4, 0.7, 1.0};

// Three small stages with policies on generated images, and what trains them.
struct Cascade {
  explicit Cascade(int images, const JointSettings& s)
      : data(generate_in_memory(easy_images(8), 0, images)), settings(s) {
    for (unsigned t = 0; t < 3; ++t) {
      networks.push_back(small_resnet({3, 8, 8}, classes));
      state.parameters.push_back(random_parameters(networks.back(), t + 1));
      if (t < 2) policies.push_back(reference::random_policy(PolicyInput::sorted, classes, 6, t + 5));
    }
  }
  // Stops everything (+) or nothing (-) at stage t.
  void decide(std::size_t t, float bias) { policies[t].bias3 = {bias, -bias}; }
  JointTrainer trainer() const {
    return {test_device(), networks, data, all_indices(data.size()), relative_costs, settings, policies, state};
  }

  MemoryDataset data;
  JointSettings settings;
  std::vector<Network> networks;
  std::vector<Policy> policies;
  JointState state;
};

JointSettings one_step(EstimatorKind kind, int batch_size) {
  return {.epochs = 1,
          .batch_size = batch_size,
          .learning_rate = 0.01,  // large enough that one step is seen in every layer
          .momentum = 0,
          .weight_decay = 0,
          .augment = false,
          .seed = 4,
          .learning = {.estimator = kind, .reward_label = RewardLabel::sampled, .alpha = 0.3}};
}

JointState after_epoch(JointTrainer& trainer) {
  Recorder nobody;
  CHECK(trainer.run_epoch(nobody) == EpochOutcome::complete);
  return trainer.state();
}

Values normalised(const MemoryDataset& data, const std::vector<std::int64_t>& order) {
  const auto bytes = static_cast<std::size_t>(data.header().dims.bytes());
  std::vector<std::uint8_t> pixels(order.size() * bytes);
  data.read(order, pixels.data());
  Values values(pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t channel = i % bytes / (bytes / 3);
    values[i] = (pixels[i] / 255.0 - static_cast<double>(data.header().mean[channel])) /
                static_cast<double>(data.header().std[channel]);
  }
  return values;
}

double squared(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return sum;
}

// The first batch of the joint phase, which here is all images, judged in plain double precision.
struct Reference {
  explicit Reference(const Cascade& c)
      : cascade(c),
        order(epoch_order(all_indices(c.data.size()), c.settings.seed, 0)),
        images(normalised(c.data, order)) {
    const PolicyLearning& e = c.settings.learning;
    problem = {.stages = 3, .n = static_cast<int>(order.size()), .classes = classes, .reward_label = e.reward_label};
    for (const std::int64_t i : order) problem.labels.push_back(c.data.labels()[static_cast<std::size_t>(i)]);
    for (const double cost : exit_costs(relative_costs, e.cost_through)) problem.exit_penalty.push_back(e.alpha * cost);
    for (std::size_t t = 0; t < 3; ++t) parameters.push_back(reference::to_double(c.state.parameters[t]));
    problem.probabilities.resize(3 * order.size() * classes);
    for (std::size_t t = 0; t < 3; ++t) judge(t);
    for (std::size_t t = 0; t + 1 < 3; ++t)
      for (int i = 0; i < problem.n; ++i)
        stop_logit.push_back(reference::stop_logit(
            c.policies[t], reference::policy_input(PolicyInput::sorted, problem.row(static_cast<int>(t), i))));
  }

  Values logits(std::size_t t, const DoubleParameters& p) const {
    return reference::training_logits(cascade.networks[t], p, images, problem.labels, BatchNormMode::frozen);
  }
  void judge(std::size_t t) {
    const Values rows = reference::softmax(logits(t, parameters[t]), problem.n, classes);
    std::copy(rows.begin(), rows.end(), problem.probabilities.begin() + static_cast<std::ptrdiff_t>(t * rows.size()));
  }
  // |gradient of the stop logit by the policy's parameters|^2, [stages - 1][n].
  Values score_norms() const {
    Values norms;
    for (std::size_t t = 0; t + 1 < 3; ++t)
      for (int i = 0; i < problem.n; ++i)
        norms.push_back(squared(reference::stop_logit_gradient(
            cascade.policies[t], reference::policy_input(PolicyInput::sorted, problem.row(static_cast<int>(t), i)))));
    return norms;
  }
  // |pooled features|^2, [stages][n].
  Values feature_norms() const {
    Values norms;
    for (std::size_t t = 0; t < 3; ++t) {
      const Network& network = cascade.networks[t];
      const auto layers = reference::forward_all(network, cascade.state.parameters[t], images, problem.n);
      const Values& features = layers.at(network.layers().back().inputs[0]);
      const auto count = static_cast<std::ptrdiff_t>(features.size()) / problem.n;
      for (auto row = features.begin(); row != features.end(); row += count)
        norms.push_back(squared(Values(row, row + count)));
    }
    return norms;
  }
  // Minus the mean of the expected reward, the stop logits being as they are.
  double loss() const {
    const Values reward = reference::exact_gradient(problem, stop_logit, 0).reward;
    double sum = 0;
    for (const double r : reward) sum -= r;
    return sum / problem.n;
  }

  const Cascade& cascade;
  std::vector<std::int64_t> order;
  Values images;
  StoppingProblem problem;
  std::vector<DoubleParameters> parameters;
  Values stop_logit;
};

double norm(const Values& values) { return std::sqrt(squared(values)); }

double dot(const Values& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * static_cast<double>(b[i]);
  return sum;
}

// Calls f with array `key` of stage t moved along `direction` by -step and +step; returns the slope of f.
template <class F>
double slope(DoubleParameters& parameters, const std::string& key, const Values& direction, F f) {
  const double step = 1e-7 / norm(direction);  // so small that no ReLU turns over on the way
  const Values before = parameters.at(key);
  double values[2];
  for (const int side : {0, 1}) {
    Values& moved = parameters.at(key);
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = before[i] + (side ? step : -step) * direction[i];
    values[side] = f();
  }
  parameters.at(key) = before;
  return (values[1] - values[0]) / (2 * step);
}

// Float kernels: some 1e-5 of a gradient's norm, more where a ReLU falls on the other side.
void check_slope(double expected, const std::vector<float>& gradient, const Values& direction) {
  double size = 0;
  for (const float g : gradient) size += static_cast<double>(g) * static_cast<double>(g);
  CHECK(std::abs(dot(direction, gradient) - expected) <
        2e-3 * std::sqrt(size) * norm(direction) + 1e-8 * norm(direction));
}

bool same_statistics(const Parameters& a, const Parameters& b) {
  bool same = true;
  for (const auto& [key, values] : a)
    if (key.find("/running_") != std::string::npos) same = same && values == b.at(key);
  return same;
}

}  // namespace

TEST_CASE("the joint gradient is that of the whole cascade's loss, by finite differences") {
  const Cascade cascade(6, one_step(EstimatorKind::exact, 8));  // a batch larger than the set
  Reference truth(cascade);
  JointTrainer trainer = cascade.trainer();
  const JointState after = after_epoch(trainer);  // the momentum of the first step is the gradient
  CHECK(trainer.last_epoch().loss == doctest::Approx(truth.loss()).epsilon(1e-5));
  for (std::size_t t = 0; t < 3; ++t)
    for (const auto& entry : after.momentum[t]) {
      const auto& [key, gradient] = entry;
      CAPTURE(t);
      CAPTURE(entry.first);
      const Values direction = random_values(gradient.size(), 7);
      const double expected = slope(truth.parameters[t], key, direction, [&] {
        truth.judge(t);
        return truth.loss();
      });
      check_slope(expected, gradient, direction);
      truth.judge(t);
    }
}

TEST_CASE("the sampled joint gradient goes back through the images that reach each stage, and only those") {
  JointSettings settings = one_step(EstimatorKind::reinforce, 12);
  settings.learning.baseline = Baseline::variance;  // so that the norms of all scores count
  Cascade cascade(12, settings);
  cascade.decide(0, 0);
  cascade.decide(1, -2);
  Reference truth(cascade);
  const StoppingGradient sampled = reference::reinforce_gradient(
      truth.problem, truth.stop_logit, truth.score_norms(), truth.feature_norms(),
      {.baseline = Baseline::variance, .class_gradient = true, .seed = settings.seed, .step = 0});
  std::vector<std::int64_t> reach(3, 0);
  for (const int exit : sampled.exits)
    for (int t = 0; t <= exit; ++t) ++reach[static_cast<std::size_t>(t)];
  REQUIRE(reach[1] < 12);
  REQUIRE(reach[2] > 0);

  JointTrainer trainer = cascade.trainer();
  const JointState after = after_epoch(trainer);
  CHECK(trainer.computed() == reach);
  double cost = 0;
  for (std::size_t t = 0; t < 3; ++t) cost += relative_costs[t] * static_cast<double>(reach[t]) / 12;
  CHECK(trainer.last_epoch().mac_fraction.value() == doctest::Approx(cost));
  for (std::size_t t = 0; t < 3; ++t)
    for (const auto& entry : after.momentum[t]) {
      const auto& [key, gradient] = entry;
      CAPTURE(t);
      CAPTURE(entry.first);
      const Values direction = random_values(gradient.size(), 7);
      const double expected = slope(truth.parameters[t], key, direction, [&] {
        const Values logits = truth.logits(t, truth.parameters[t]);
        double sum = 0;
        for (std::size_t i = 0; i < logits.size(); ++i)
          sum += sampled.class_gradient[t * logits.size() + i] * logits[i];
        return sum;
      });
      check_slope(expected, gradient, direction);
    }
}

TEST_CASE("the joint phase trains the stages that images reach and leaves batch-norm statistics alone") {
  for (const bool all_stop : {true, false}) {
    CAPTURE(all_stop);
    Cascade cascade(20, one_step(EstimatorKind::reinforce, 16));  // the last batch has 4 images
    cascade.decide(0, all_stop ? 100.0F : -100.0F);
    cascade.decide(1, 100.0F);
    JointTrainer trainer = cascade.trainer();
    const JointState after = after_epoch(trainer);
    CHECK(trainer.computed() ==
          (all_stop ? std::vector<std::int64_t>{20, 0, 0} : std::vector<std::int64_t>{20, 20, 0}));
    CHECK(std::isfinite(trainer.last_epoch().loss));
    // Only the stage where images stop learns.
    CHECK((after.parameters[0] != cascade.state.parameters[0]) == all_stop);
    CHECK((after.parameters[1] != cascade.state.parameters[1]) == !all_stop);
    CHECK(after.parameters[2] == cascade.state.parameters[2]);
    for (std::size_t t = 0; t < 3; ++t) CHECK(same_statistics(cascade.state.parameters[t], after.parameters[t]));
  }
}

TEST_CASE("the exact joint phase computes all stages of all images") {
  Cascade cascade(20, one_step(EstimatorKind::exact, 16));
  cascade.decide(0, 100.0F);
  JointTrainer trainer = cascade.trainer();
  const JointState after = after_epoch(trainer);
  CHECK(trainer.computed() == std::vector<std::int64_t>{20, 20, 20});
  for (std::size_t t = 0; t < 3; ++t) CHECK(same_statistics(cascade.state.parameters[t], after.parameters[t]));
}

TEST_CASE("a joint epoch that is stopped goes on from its state with the same bits") {
  JointSettings settings = one_step(EstimatorKind::reinforce, 4);
  settings.epochs = 2;
  settings.momentum = 0.9;
  settings.augment = true;
  SUBCASE("") {}
  SUBCASE("in micro-batches") { settings.micro_batch = 3; }
  Cascade cascade(18, settings);
  JointTrainer whole = cascade.trainer();
  after_epoch(whole);
  const JointState expected = after_epoch(whole);

  Recorder stopping(3);
  JointTrainer first = cascade.trainer();
  CHECK(first.run_epoch(stopping) == EpochOutcome::stopped);
  cascade.state = first.state();
  CHECK(cascade.state.progress.step == 3);
  JointTrainer second = cascade.trainer();
  after_epoch(second);
  const JointState actual = after_epoch(second);
  CHECK(second.finished());
  CHECK(actual.parameters == expected.parameters);
  CHECK(actual.momentum == expected.momentum);
  CHECK(second.last_epoch().loss == whole.last_epoch().loss);
}

TEST_CASE("a joint step in micro-batches is that of the whole batch, whose statistics are frozen") {
  for (const EstimatorKind kind : {EstimatorKind::exact, EstimatorKind::reinforce}) {
    JointSettings settings = one_step(kind, 16);
    settings.learning.baseline = Baseline::variance;  // of the whole batch
    Cascade cascade(20, settings);
    JointTrainer whole = cascade.trainer();
    const JointState expected = after_epoch(whole);
    cascade.settings.micro_batch = 5;
    JointTrainer pieces = cascade.trainer(), again = cascade.trainer();
    const JointState actual = after_epoch(pieces);
    CHECK(pieces.computed() == whole.computed());
    CHECK(pieces.last_epoch().loss == doctest::Approx(whole.last_epoch().loss).epsilon(1e-6));
    for (std::size_t t = 0; t < 3; ++t)
      for (const auto& entry : expected.momentum[t]) {
        const auto& [key, gradient] = entry;
        CAPTURE(entry.first);
        double difference = 0, size = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
          difference += std::pow(static_cast<double>(gradient[i] - actual.momentum[t].at(key)[i]), 2);
          size += std::pow(static_cast<double>(gradient[i]), 2);
        }
        CHECK(std::sqrt(difference) <= 1e-4 * std::sqrt(size));  // sums of floats in another order
      }
    CHECK(after_epoch(again).parameters == actual.parameters);
  }
}

TEST_CASE("an exact joint phase whose rewards are not finite says so") {
  Cascade cascade(8, one_step(EstimatorKind::exact, 8));
  for (auto& [key, values] : cascade.state.parameters[2])
    if (key.starts_with("dense")) values.assign(values.size(), std::numeric_limits<float>::max());
  JointTrainer trainer = cascade.trainer();
  Recorder nobody;
  CHECK_THROWS_AS(trainer.run_epoch(nobody), TrainingError);
}

}  // namespace cascadecl
