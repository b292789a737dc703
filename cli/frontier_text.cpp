#include "cli/frontier_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/output.h"
#include "runtime/study/tradeoff/cascade_warnings.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

bool is_decision(const Model& model, const FrontierPoint& point) {
  if (!model.decision || model.decision->policy.kind != point.policy.kind ||
      model.decision->policy.parameter != point.policy.parameter || model.decision->combine != point.combine)
    return false;
  return !point.set || (!model.policies.empty() &&
                        model.frontier.policies[*point.set].front().weight1 == model.policies.front().weight1);
}

// Which points a table shows: those in even steps of cost, the first, the last and the chosen one.
std::set<std::size_t> shown(const Model& model) {
  constexpr std::size_t kMost = 12;
  const std::size_t count = model.frontier.points.size();
  std::set<std::size_t> rows;
  for (std::size_t i = 0; i < std::min(count, kMost); ++i)
    rows.insert(count <= kMost ? i : i * (count - 1) / (kMost - 1));
  for (std::size_t i = 0; i < count; ++i)
    if (is_decision(model, model.frontier.points[i])) rows.insert(i);
  return rows;
}

std::string policy_name(const Model& model, const FrontierPoint& point) {
  if (point.policy.kind == PolicyKind::fixed)
    return fmt::format("{} alone", model.stages[static_cast<std::size_t>(*point.policy.parameter)].network.name());
  return fmt::format("{}:{:.4g}", to_string(point.policy.kind), *point.policy.parameter);
}

}  // namespace

const FrontierPoint* chosen_point(const Model& model) {
  for (const FrontierPoint& point : model.frontier.points)
    if (is_decision(model, point)) return &point;
  return nullptr;
}

std::string frontier_text(const Model& model) {
  if (model.frontier.empty()) return "";
  const StageCosts costs = relative_macs(model);
  Table table({"<", "<policy", "alpha", "held-out top-1", "MACs of largest", "<leave at each stage"});
  for (const std::size_t i : shown(model)) {
    const FrontierPoint& point = model.frontier.points[i];
    std::vector<std::string> exits;
    for (const double share : point.exits) exits.push_back(percent(share, 0));
    table.add_row({is_decision(model, point) ? "*" : "", policy_name(model, point), decimal(point.alpha, 2),
                   percent(point.top1), percent(cost_of(point, costs), 1), fmt::format("{}", fmt::join(exits, "  "))});
  }
  return fmt::format("\n{}* the model's decision; eval --target-mac 0.3 and its like choose another\n", table.text());
}

ordered_json frontier_json(const Model& model) {
  if (model.frontier.empty()) return nullptr;
  const StageCosts costs = relative_macs(model);
  ordered_json points = ordered_json::array();
  for (const FrontierPoint& point : model.frontier.points)
    points.push_back({{"policy", to_string(point.policy.kind)},
                      {"parameter", number_or_null(point.policy.parameter)},
                      {"combine", to_string(point.combine)},
                      {"alpha", number_or_null(point.alpha)},
                      {"top1", point.top1},
                      {"mac_fraction", cost_of(point, costs)},
                      {"exits", point.exits},
                      {"chosen", is_decision(model, point)}});
  return {{"images", model.frontier.images}, {"stage_top1", model.frontier.stage_top1}, {"points", points}};
}

std::vector<std::string> frontier_warnings(const Model& model) {
  const FrontierPoint* point = chosen_point(model);
  if (!point) return {};
  if (point->policy.kind == PolicyKind::fixed)
    return {
        fmt::format("no cascade of these stages is worth it: {} does as well for less", policy_name(model, *point))};
  std::vector<StageUse> stages;
  double entered = 1;
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    const Network& network = model.stages[k].network;
    stages.push_back(
        {network.name(), static_cast<double>(network.macs()) / 1e6, entered, model.frontier.stage_top1[k]});
    entered = std::max(0.0, entered - point->exits[k]);
  }
  return cascade_warnings(stages, cost_of(*point, relative_macs(model)) * largest_mmac(model), point->top1);
}

std::vector<std::string> evaluation_warnings(const Evaluation& result, const ChosenCascade& cascade) {
  std::vector<StageUse> stages;
  for (std::size_t k = 0; k < result.stages.size(); ++k) {
    const StageEvaluation& stage = result.stages[k];
    stages.push_back(
        {stage.network, stage.mmac,
         static_cast<double>(stage.entered) / static_cast<double>(std::max<std::int64_t>(result.images, 1)),
         k < result.static_stages.size() ? std::optional(result.static_stages[k].top1) : std::nullopt});
  }
  std::vector<std::string> warnings = cascade_warnings(stages, result.mmac_per_image, result.top1);
  if (warnings.empty()) return warnings;
  warnings.emplace_back(
      cascade.model.frontier.empty()
          ? "to choose another way to run it: cascadecl calibrate MODEL --data FILE --target-drop 0.5 -o "
            "MODEL2"
          : "to choose another way to run it: --target-drop 0.5, or --target-mac 0.5");
  return warnings;
}

}  // namespace cascadecl
