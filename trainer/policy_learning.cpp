#include "trainer/policy_learning.h"

#include <array>

namespace cascadecl {
namespace {

// Names in the order of the enumerators.
constexpr std::array<std::string_view, 2> estimator_names = {"reinforce", "exact"};
constexpr std::array<std::string_view, 4> baseline_names = {"none", "mean", "variance", "variance-split"};
constexpr std::array<std::string_view, 2> cost_through_names = {"stop", "previous"};
constexpr std::array<std::string_view, 2> reward_label_names = {"sampled", "argmax"};

template <class Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<std::string_view, N>& names) {
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view to_string(EstimatorKind kind) { return name_of(kind, estimator_names); }
std::string_view to_string(Baseline baseline) { return name_of(baseline, baseline_names); }
std::string_view to_string(CostThrough through) { return name_of(through, cost_through_names); }
std::string_view to_string(RewardLabel label) { return name_of(label, reward_label_names); }

}  // namespace cascadecl
