#include "trainer/policy_phase.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/files/error.h"
#include "data/files/random.h"
#include "runtime/ops/launch.h"
#include "trainer/estimator.h"
#include "trainer/policy_net.h"
#include "trainer/schedule.h"

namespace cascadecl {
namespace {

void check_settings(const PolicyPhaseSettings& s) {
  const PolicyLearning& learning = s.learning;
  if (learning.epochs < 0) throw UsageError(fmt::format("policy epochs: {}, expected 0 or more", learning.epochs));
  if (s.batch_size < 1) throw UsageError(fmt::format("policy batch size: {}, expected at least 1", s.batch_size));
  if (!(learning.learning_rate > 0))
    throw UsageError(fmt::format("policy learning rate: {}, expected above 0", learning.learning_rate));
  if (!(s.momentum >= 0 && s.momentum < 1))
    throw UsageError(fmt::format("policy momentum: {}, expected 0 or more and below 1", s.momentum));
  if (!(learning.entropy >= 0)) throw UsageError(fmt::format("entropy: {}, expected 0 or more", learning.entropy));
  if (learning.hidden < 0)
    throw UsageError(fmt::format("policy hidden units: {}, expected 0 or more", learning.hidden));
}

void check_data(std::size_t stages, int classes, std::span<const float> probabilities, std::span<const int> labels) {
  if (stages < 2) throw UsageError(fmt::format("policy phase: {} stages, expected at least 2", stages));
  if (labels.empty()) throw ShapeError("policy phase: no images to learn from");
  if (probabilities.size() != stages * labels.size() * to_size(classes))
    throw ShapeError(fmt::format("policy phase: {} probabilities, expected {} stages x {} images x {} classes",
                                 probabilities.size(), stages, labels.size(), classes));
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      throw ShapeError(fmt::format("policy phase: label {} of image {}, expected 0..{}", labels[i], i, classes - 1));
}

// Features of each stage with a policy, for so many images; none unless policies see them.
std::vector<int> feature_counts(const PolicyPhaseSettings& s, std::size_t stages, std::size_t images,
                                const StageFeatures& features) {
  std::vector<int> counts;
  if (s.learning.input != PolicyInput::features) return counts;
  if (features.size() + 1 < stages)
    throw ShapeError(fmt::format("policy phase: features of {} stages, expected {}", features.size(), stages - 1));
  for (std::size_t t = 0; t + 1 < stages; ++t) {
    if (features[t].empty() || features[t].size() % images != 0)
      throw ShapeError(
          fmt::format("policy phase: {} features of stage {} for {} images", features[t].size(), t, images));
    counts.push_back(static_cast<int>(features[t].size() / images));
  }
  return counts;
}

int batch_of(const PolicyPhaseSettings& s, int images) {
  check_settings(s);
  return std::max(1, std::min(s.batch_size, images));
}

// 0..images-1 in an order fixed by seed and epoch (Fisher and Yates).
std::vector<int> shuffled(int images, std::uint64_t seed, int epoch) {
  std::vector<int> order(to_size(images));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(seed, RandomPurpose::policy_shuffle, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace

struct PolicyPhase::State {
  State(const Device& on, const PolicyPhaseSettings& s, const std::vector<double>& costs, int classes,
        std::span<const float> host_probabilities, std::span<const int> host_labels, const StageFeatures& features)
      : device(on),
        settings(s),
        images(static_cast<int>(host_labels.size())),
        max_batch(batch_of(s, images)),
        steps((images + max_batch - 1) / max_batch),
        exit_cost(exit_costs(costs, CostThrough::stop)),
        estimator(device, {.learning = s.learning, .seed = s.seed}, costs, classes, max_batch),
        net(device,
            initial_policies(static_cast<int>(costs.size()), s.learning.input, classes,
                             s.learning.hidden_units(classes), s.seed,
                             feature_counts(s, costs.size(), host_labels.size(), features)),
            max_batch),
        order(device.allocate<int>(to_size(images))),
        outcome(device.allocate<float>(3 * to_size(images))) {
    batch.probabilities.values = device.upload(host_probabilities);
    batch.probabilities.rows = images;
    batch.probabilities.features = upload_features(features);
    batch.labels = device.upload(host_labels);
    batch.stop_logit = net.stop_logit();
    batch.score_norm = net.score_norm();
  }

  // A block for each policy, as long as the widest one needs.
  Array<float> upload_features(const StageFeatures& features) const {
    const std::size_t block = to_size(images) * to_size(net.most_features());
    if (block == 0) return {};
    std::vector<float> all(to_size(net.count()) * block);
    for (std::size_t t = 0; t < to_size(net.count()); ++t)
      std::ranges::copy(features[t], all.begin() + static_cast<std::ptrdiff_t>(t * block));
    return device.upload(all);
  }

  double progress() const { return static_cast<double>(epoch) / std::max(1, settings.learning.epochs); }

  // Sets the batch to piece s of `steps` pieces of nearly equal size.
  void select(int s) {
    const auto begin_of = [&](int piece) { return static_cast<int>(static_cast<long>(images) * piece / steps); };
    batch.probabilities.first = begin_of(s);
    batch.n = begin_of(s + 1) - begin_of(s);
  }

  void train(double learning_rate, double entropy) {
    device.write(order, std::span<const int>(shuffled(images, settings.seed, epoch)));
    batch.probabilities.images = order;
    const SgdSettings sgd{static_cast<float>(learning_rate), static_cast<float>(settings.momentum), 0.0f};
    for (int s = 0; s < steps; ++s) {
      select(s);
      const auto step = static_cast<unsigned>(epoch) * static_cast<unsigned>(steps) + static_cast<unsigned>(s);
      net.forward(batch.n, batch.probabilities, settings.seed, step);
      estimator.run(batch, entropy, step);
      net.backward(batch.n, estimator.stop_gradient());
      net.step(sgd);
      device.flush();
    }
  }

  // Fills in what is measured after an epoch.
  void measure(PolicyEpoch& result) {
    batch.probabilities.images = {};
    for (int s = 0; s < steps; ++s) {
      select(s);
      net.evaluate(batch.n, batch.probabilities);
      estimator.outcome(batch, outcome);
    }
    const std::vector<float> values = device.read(outcome);
    const std::size_t n = to_size(images);
    const auto mean_of = [&](std::size_t row) {
      return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(row * n),
                             values.begin() + static_cast<std::ptrdiff_t>((row + 1) * n), 0.0) /
             images;
    };
    result.expected_reward = mean_of(0);
    result.accuracy = mean_of(2);
    result.exit_share.assign(exit_cost.size(), 0.0);
    for (std::size_t i = 0; i < n; ++i) result.exit_share[static_cast<std::size_t>(values[n + i])] += 1.0 / images;
    result.mean_cost = std::inner_product(exit_cost.begin(), exit_cost.end(), result.exit_share.begin(), 0.0);
  }

  Device device;
  PolicyPhaseSettings settings;
  int images, max_batch, steps;  // steps in an epoch
  std::vector<double> exit_cost;
  Estimator estimator;
  PolicyNet net;
  Array<int> order;      // [images], of this epoch
  Array<float> outcome;  // [3][images]
  Estimator::Batch batch;
  int epoch = 0;
  std::vector<PolicyEpoch> history;
};

PolicyPhase::PolicyPhase(const Device& device, const PolicyPhaseSettings& settings,
                         const std::vector<double>& relative_costs, int classes, std::span<const float> probabilities,
                         std::span<const int> labels, const StageFeatures& features) {
  check_settings(settings);
  check_data(relative_costs.size(), classes, probabilities, labels);
  state_ = std::make_unique<State>(device, settings, relative_costs, classes, probabilities, labels, features);
}
PolicyPhase::PolicyPhase(PolicyPhase&&) noexcept = default;
PolicyPhase& PolicyPhase::operator=(PolicyPhase&&) noexcept = default;
PolicyPhase::~PolicyPhase() = default;

bool PolicyPhase::finished() const { return state_->epoch >= state_->settings.learning.epochs; }

const PolicyEpoch& PolicyPhase::run_epoch() {
  State& s = *state_;
  PolicyEpoch result{.epoch = s.epoch,
                     .learning_rate = policy_learning_rate(s.settings.learning.learning_rate, s.epoch),
                     .entropy = linear_decay(s.settings.learning.entropy, s.progress())};
  s.train(result.learning_rate, result.entropy);
  s.measure(result);
  if (!std::isfinite(result.expected_reward))
    throw TrainingError(fmt::format("policy epoch {}: the expected reward is not finite", s.epoch));
  ++s.epoch;
  return s.history.emplace_back(std::move(result));
}

const std::vector<PolicyEpoch>& PolicyPhase::history() const { return state_->history; }
std::vector<Policy> PolicyPhase::policies() const { return state_->net.policies(); }

PolicyPhaseState PolicyPhase::state() const {
  return {state_->epoch, state_->net.policies(), state_->net.momentum(), state_->history};
}

void PolicyPhase::restore(const PolicyPhaseState& state) {
  state_->net.set_policies(state.policies);
  state_->net.set_momentum(state.momentum);
  state_->epoch = state.epoch;
  state_->history = state.history;
}

}  // namespace cascadecl
