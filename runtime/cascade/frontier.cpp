#include "runtime/cascade/frontier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/files/error.h"
#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// With six digits, up (or down) so that a goal of what is told can be reached.
std::string rounded(double value, bool up) {
  if (value == 0) return "0";
  const double step = std::pow(10, std::floor(std::log10(std::abs(value))) - 5);
  return fmt::format("{:.6g}", (up ? std::ceil(value / step) : std::floor(value / step)) * step);
}

[[noreturn]] void refuse(const Goal& goal, double nearest, std::string_view unit) {
  throw Error(
      fmt::format("target {:.6g} {}: cannot be reached; the nearest is {}", goal.value, unit, rounded(nearest, true)));
}

}  // namespace

double cost_of(const FrontierPoint& point, const StageCosts& costs) {
  if (point.policy.kind == PolicyKind::fixed)
    return costs.stages.at(static_cast<std::size_t>(point.policy.parameter.value_or(0)));
  double sum = 0, through = 0;
  for (std::size_t k = 0; k < point.exits.size(); ++k) {
    through +=
        costs.stages.at(k) + (asks_model(point.policy.kind) && k < costs.policies.size() ? costs.policies[k] : 0);
    sum += point.exits[k] * through;
  }
  return sum;
}

const FrontierPoint& pick(const Frontier& frontier, const Goal& goal, const StageCosts& costs, std::string_view unit) {
  if (frontier.empty())
    throw UsageError("target: the model has no frontier to move along; cascadecl calibrate --target-drop 0.5 fits one");
  const auto cost = [&](const FrontierPoint& point) { return cost_of(point, costs); };
  if (goal.kind == Goal::Kind::cost) {
    const FrontierPoint* best = nullptr;
    for (const FrontierPoint& point : frontier.points)
      if (cost(point) <= goal.value && (!best || point.top1 > best->top1)) best = &point;
    if (!best) refuse(goal, cost(*std::ranges::min_element(frontier.points, {}, cost)), unit);
    return *best;
  }
  const double reference = std::ranges::max(frontier.stage_top1);
  const FrontierPoint* cheapest = nullptr;
  for (const FrontierPoint& point : frontier.points)
    if (point.top1 >= reference - goal.value / 100 - 1e-12 && (!cheapest || cost(point) < cost(*cheapest)))
      cheapest = &point;
  if (!cheapest)
    refuse(goal, 100 * (reference - std::ranges::max(frontier.points, {}, &FrontierPoint::top1).top1), unit);
  return *cheapest;
}

void check_frontier(const Frontier& frontier, std::size_t stages) {
  if (frontier.empty()) return;
  if (frontier.stage_top1.size() != stages)
    throw ShapeError(fmt::format("frontier: accuracies of {} stages, expected {}", frontier.stage_top1.size(), stages));
  for (const std::vector<Policy>& set : frontier.policies)
    if (set.size() + 1 != stages)
      throw ShapeError(fmt::format("frontier: a set of {} policies for {} stages", set.size(), stages));
  for (std::size_t i = 0; i < frontier.points.size(); ++i) {
    const FrontierPoint& point = frontier.points[i];
    const auto fail = [&](std::string_view what) { throw ShapeError(fmt::format("frontier: point {}: {}", i, what)); };
    const double sum = std::accumulate(point.exits.begin(), point.exits.end(), 0.0);
    if (point.exits.size() != stages || !(std::abs(sum - 1) < 1e-6) || std::ranges::min(point.exits) < 0)
      fail("exits are no shares of the stages");
    if (!(point.top1 >= 0 && point.top1 <= 1)) fail("its accuracy is no share");
    if (point.set && *point.set >= frontier.policies.size()) fail("it names policies that are not there");
    if ((point.policy.kind == PolicyKind::learned) != point.set.has_value()) fail("policies are those of learned ones");
    if (!point.policy.parameter || !std::isfinite(*point.policy.parameter)) fail("it has no parameter");
    const bool is_stage = point.policy.kind == PolicyKind::fixed;
    if (!is_stage && !has_threshold(point.policy.kind)) fail("its policy has no threshold");
    if (is_stage && !(*point.policy.parameter >= 0 && *point.policy.parameter < static_cast<double>(stages)))
      fail("it names a stage that is not there");
  }
}

}  // namespace cascadecl
