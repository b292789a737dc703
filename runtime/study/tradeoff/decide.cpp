#include "runtime/study/tradeoff/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

StageCosts costs_of(CostUnit unit, const CascadeTable& table, const Model& model, const Device& device,
                    const Dataset& timed_on, const ExecutorSettings& settings, const MeterEnvironment& environment) {
  if (unit != CostUnit::mac) return measured_costs(unit, model, device, timed_on, settings, environment);
  StageCosts costs = mac_costs(table);
  const double largest = *std::ranges::max_element(costs.stages);
  for (double& cost : costs.stages) cost /= largest;
  for (double& cost : costs.policies) cost /= largest;
  return costs;
}

CascadeTable under_policy(CascadeTable table, const Model& model, PolicyKind kind, const Device& device) {
  if (!asks_model(kind)) return table;
  return with_policies(std::move(table), model_under(model, {kind, 0.5}).policies, device);
}

// What a decision gives on a table whose stop probabilities are of its policies.
Budget judge(const Model& model, const CascadeTable& table, const BudgetAnswer& answer) {
  const PolicyChoice& choice = model.decision.value().policy;
  const auto score = make_score(choice.kind, {.combination = model.combination});
  Budget judged{.limit = answer.simulation.limit};
  if (choice.kind == PolicyKind::fixed) {
    const auto stage = static_cast<std::size_t>(*choice.parameter);
    judged.simulation = simulate_static(table, stage);
    judged.cost = answer.costs.stages[stage];
  } else {
    judged.simulation = simulate(table, scores_of(table, *score), answer.simulation);
    judged.cost = mean_cost(answer.costs, judged.simulation.stopped, answer.simulation.asks_model);
  }
  return judged;
}

// The point of the frontier.
BudgetAnswer decide_along_frontier(const BudgetQuestion& question, Model& model, CascadeTable& table,
                                   const Device& device, BudgetAnswer answer) {
  const FrontierPoint point = pick(model.frontier, question.target.goal, answer.costs, unit_text(question.target));
  model = at_point(std::move(model), point);
  table = under_policy(std::move(table), model, point.policy.kind, device);
  answer.simulation = {
      .limit = make_score(point.policy.kind, {.combination = model.combination})->limit_of(*point.policy.parameter),
      .asks_model = asks_model(point.policy.kind),
      .combine = point.combine,
      .combination = model.combination};
  // The point's own figures are those of policies on images that they were not fitted to.
  answer.budget = judge(model, table, answer);
  answer.budget.simulation.top1 = point.top1;
  answer.budget.cost = cost_of(point, answer.costs);
  return answer;
}

}  // namespace

BudgetAnswer decide(const BudgetQuestion& question, Model& model, CascadeTable& table, const Device& device,
                    const Dataset& timed_on, const ExecutorSettings& settings, const MeterEnvironment& environment) {
  if (!question.policy) {
    table.policy_mmac.clear();
    for (const double share : relative_macs(model).policies) table.policy_mmac.push_back(share * largest_mmac(model));
    return decide_along_frontier(
        question, model, table, device,
        {.costs = costs_of(question.target.unit, table, model, device, timed_on, settings, environment)});
  }
  const PolicyKind kind = *question.policy;
  if (!has_threshold(kind)) throw UsageError(fmt::format("policy {}: it has no threshold to find", to_string(kind)));
  table = under_policy(std::move(table), model, kind, device);
  const Combine combine = question.combine.value_or(default_combine(model));
  const auto score = make_score(kind, {.combination = model.combination});
  BudgetAnswer answer{
      .costs = costs_of(question.target.unit, table, model, device, timed_on, settings, environment),
      .simulation = {.asks_model = asks_model(kind), .combine = combine, .combination = model.combination}};
  answer.budget = find_budget(table, scores_of(table, *score), answer.costs, question.target.goal, answer.simulation,
                              unit_text(question.target));
  answer.simulation.limit = answer.budget.limit;
  model.decision = {{kind, score->parameter_of(answer.budget.limit)}, combine};
  return answer;
}

Budget judge_decision(const BudgetAnswer& answer, const Model& model, const Device& device, const Dataset& dataset,
                      std::span<const std::int64_t> indices, int batch_size) {
  const PolicyKind kind = model.decision.value().policy.kind;
  const CascadeTable table = cascade_table(model, device, dataset, indices, {.max_batch = batch_size});
  return judge(model, under_policy(table, model, kind, device), answer);
}

Simulation simulate_model(const Model& model, CascadeTable table, const Device& device) {
  const Decision decision = model.decision.value_or(Decision{{PolicyKind::learned, 0.5}, default_combine(model)});
  const PolicyKind kind = decision.policy.kind;
  if (kind == PolicyKind::fixed)
    return simulate_static(table, static_cast<std::size_t>(decision.policy.parameter.value()));
  table = under_policy(std::move(table), model, kind, device);
  const auto score = make_score(kind, {.combination = model.combination});
  return simulate(table, scores_of(table, *score),
                  {.limit = score->limit_of(decision.policy.parameter.value()),
                   .asks_model = asks_model(kind),
                   .combine = decision.combine,
                   .combination = model.combination});
}

}  // namespace cascadecl
