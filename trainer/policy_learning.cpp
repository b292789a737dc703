#include "trainer/policy_learning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// Names in the order of the enumerators.
constexpr std::array<std::string_view, 2> estimator_names = {"reinforce", "exact"};
constexpr std::array<std::string_view, 4> baseline_names = {"none", "mean", "variance", "variance-split"};
constexpr std::array<std::string_view, 2> cost_through_names = {"stop", "previous"};
constexpr std::array<std::string_view, 2> reward_label_names = {"sampled", "argmax"};

template <class Enum, std::size_t N>
Enum parse(std::string_view what, std::string_view text, const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<Enum>(i);
  throw UsageError(fmt::format("{}: '{}', expected one of {}", what, text, fmt::join(names, ", ")));
}

template <class Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<std::string_view, N>& names) {
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view to_string(EstimatorKind kind) { return name_of(kind, estimator_names); }
std::string_view to_string(Baseline baseline) { return name_of(baseline, baseline_names); }
std::string_view to_string(CostThrough through) { return name_of(through, cost_through_names); }
std::string_view to_string(RewardLabel label) { return name_of(label, reward_label_names); }

EstimatorKind parse_estimator(std::string_view text) {
  return parse<EstimatorKind>("estimator", text, estimator_names);
}
Baseline parse_baseline(std::string_view text) { return parse<Baseline>("baseline", text, baseline_names); }
CostThrough parse_cost_through(std::string_view text) {
  return parse<CostThrough>("cost-through", text, cost_through_names);
}
RewardLabel parse_reward_label(std::string_view text) {
  return parse<RewardLabel>("reward-label", text, reward_label_names);
}

}  // namespace cascadecl
