#include "trainer/exit_functions.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/files/error.h"
#include "data/files/random.h"
#include "runtime/cascade/combine.h"
#include "runtime/ops/launch.h"
#include "trainer/policy_net.h"
#include "trainer/schedule.h"

namespace cascadecl {
namespace {

// What an image should do after a stage.
struct Target {
  double stop = 0;    // 1 or 0
  double weight = 0;  // what the decision is worth
};

// Features of each stage that its policy sees.
std::vector<int> features_of(const CascadeTable& table, PolicyInput input) {
  std::vector<int> counts(table.stages() - 1);
  if (input != PolicyInput::features) return counts;
  if (table.features.size() != table.stages())
    throw UsageError("policies: they see features, which were not kept of these images");
  for (std::size_t t = 0; t < counts.size(); ++t)
    counts[t] = static_cast<int>(table.features[t].size() / table.images());
  return counts;
}

double policy_mmac(const PolicyLearning& learning, std::size_t classes, int features) {
  const auto c = static_cast<int>(classes);
  const Policy policy{.input = learning.input, .classes = c, .hidden = learning.hidden_units(c), .features = features};
  return static_cast<double>(policy.macs()) / 1e6;
}

// F_t: of each stage and its policy, relative to the largest stage alone.
std::vector<double> costs_of(const CascadeTable& table, const PolicyLearning& learning) {
  const double largest = *std::ranges::max_element(table.network_mmac);
  const std::vector<int> features = features_of(table, learning.input);
  std::vector<double> costs;
  for (std::size_t t = 0; t < table.stages(); ++t) {
    const bool last = t + 1 == table.stages();
    const double policy = last ? 0 : policy_mmac(learning, table.probabilities.classes, features[t]);
    costs.push_back((table.network_mmac[t] + policy) / largest);
  }
  return costs;
}

std::vector<int> shuffled(std::size_t images, std::uint64_t seed, std::size_t stage, int epoch) {
  std::vector<int> order(images);
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(seed, RandomPurpose::policy_shuffle,
                      (static_cast<std::uint64_t>(stage) + 1) << 32 | static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

// The exit function of one stage in training.
class ExitFunction {
 public:
  ExitFunction(const CascadeTable& table, const Device& device, const PolicyPhaseSettings& settings, std::size_t stage,
               const Policy& start)
      : device_(device),
        settings_(settings),
        stage_(stage),
        images_(table.images()),
        batch_(std::clamp<std::size_t>(to_size(std::max(settings.batch_size, 1)), 1, images_)),
        net_(device, std::span(&start, 1), static_cast<int>(batch_)),
        order_(device.allocate<int>(images_)),
        gradient_(device.allocate<float>(batch_)) {
    const std::size_t row = table.probabilities.classes;
    probabilities_.values =
        device.upload(std::span<const float>(table.probabilities.values).subspan(stage * images_ * row, images_ * row));
    probabilities_.rows = static_cast<int>(images_);
    if (start.features > 0) probabilities_.features = device.upload(table.features[stage]);
  }

  void fit(const std::vector<Target>& targets) {
    double weight = 0;
    for (const Target& target : targets) weight += target.weight;
    if (!(weight > 0)) return;  // nothing is worth learning
    const double scale = static_cast<double>(images_) / weight;
    for (int epoch = 0; epoch < settings_.learning.epochs; ++epoch) {
      const std::vector<int> order = shuffled(images_, settings_.seed, stage_, epoch);
      device_.write(order_, std::span<const int>(order));
      probabilities_.images = order_;
      for (std::size_t first = 0; first < images_; first += batch_)
        step(std::span(order).subspan(first, std::min(batch_, images_ - first)), first, targets, scale, epoch);
    }
  }

  // Which images stop.
  std::vector<bool> decisions() {
    std::vector<bool> stops;
    probabilities_.images = {};
    for (std::size_t first = 0; first < images_; first += batch_) {
      const std::size_t n = std::min(batch_, images_ - first);
      probabilities_.first = static_cast<int>(first);
      net_.evaluate(static_cast<int>(n), probabilities_);
      for (const float z : device_.read(net_.stop_logit(), n)) stops.push_back(z >= 0);
    }
    return stops;
  }

  Policy policy() const { return net_.policies().front(); }

 private:
  void step(std::span<const int> images, std::size_t first, const std::vector<Target>& targets, double scale,
            int epoch) {
    const auto n = static_cast<int>(images.size());
    probabilities_.first = static_cast<int>(first);
    net_.forward(n, probabilities_, settings_.seed, static_cast<unsigned>(epoch * 65536 + static_cast<int>(first)));
    const std::vector<float> logits = device_.read(net_.stop_logit(), images.size());
    std::vector<float> gradient(batch_);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const Target& target = targets[to_size(images[i])];
      const double stop = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
      gradient[i] = static_cast<float>(scale * target.weight * (stop - target.stop) / n);
    }
    device_.write(gradient_, std::span<const float>(gradient));
    net_.backward(n, gradient_);
    net_.step({static_cast<float>(policy_learning_rate(settings_.learning.learning_rate, epoch)),
               static_cast<float>(settings_.momentum), 0.0F});
  }

  Device device_;
  const PolicyPhaseSettings& settings_;
  std::size_t stage_, images_, batch_;
  PolicyNet net_;
  BatchProbabilities probabilities_;
  Array<int> order_;
  Array<float> gradient_;
};

}  // namespace

CascadeTable as_policies_see(CascadeTable table, PolicyInput input) {
  return input == PolicyInput::combined ? with_combined_answers(std::move(table)) : table;
}

std::vector<Policy> fit_exit_functions(const CascadeTable& stages, const Device& device,
                                       const PolicyPhaseSettings& settings) {
  const CascadeTable table = as_policies_see(stages, settings.learning.input);
  if (table.stages() < 2 || table.images() == 0)
    throw UsageError("exit functions: expected at least 2 stages and 1 image");
  const PolicyLearning& learning = settings.learning;
  const std::vector<double> costs = costs_of(table, learning);
  const auto classes = static_cast<int>(table.probabilities.classes);
  std::vector<Policy> functions =
      initial_policies(static_cast<int>(table.stages()), learning.input, classes, learning.hidden_units(classes),
                       settings.seed, features_of(table, learning.input));
  const auto wrong = [&](std::size_t stage, std::size_t image) {
    return rank_of(table.probabilities.row(stage, image), table.labels[image]) < learning.top_k ? 0.0 : 1.0;
  };
  // Of images that go on: error at their exit, and the cost from the next stage up to there.
  std::vector<double> error, cost(table.images(), costs.back());
  for (std::size_t i = 0; i < table.images(); ++i) error.push_back(wrong(table.stages() - 1, i));
  for (std::size_t t = table.stages() - 1; t-- > 0;) {
    std::vector<Target> targets;
    for (std::size_t i = 0; i < table.images(); ++i) {
      const double gain = wrong(t, i) - error[i] - learning.alpha * cost[i];
      targets.push_back({.stop = gain <= 0 ? 1.0 : 0.0, .weight = std::abs(gain)});
    }
    ExitFunction function(table, device, settings, t, functions[t]);
    function.fit(targets);
    functions[t] = function.policy();
    const std::vector<bool> stops = function.decisions();
    for (std::size_t i = 0; i < table.images(); ++i) {
      if (stops[i]) error[i] = wrong(t, i);
      cost[i] = costs[t] + (stops[i] ? 0 : cost[i]);
    }
  }
  return functions;
}

std::vector<Policy> fit_policies(const CascadeTable& stages, const Device& device, const PolicyPhaseSettings& settings,
                                 const std::vector<double>& relative_costs) {
  const CascadeTable table = as_policies_see(stages, settings.learning.input);
  PolicyPhase phase(device, settings, relative_costs.empty() ? costs_of(table, settings.learning) : relative_costs,
                    static_cast<int>(table.probabilities.classes), table.probabilities.values,
                    std::vector<int>(table.labels.begin(), table.labels.end()), table.features);
  while (!phase.finished()) phase.run_epoch();
  return phase.policies();
}

}  // namespace cascadecl
