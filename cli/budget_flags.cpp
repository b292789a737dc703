#include "cli/budget_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/flag_rules.h"
#include "cli/open_data.h"
#include "cli/output.h"
#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/study/answers/dataset_of_model.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json figures_json(const Simulation& simulation, std::optional<double> cost = {}) {
  ordered_json json = {{"top1", simulation.top1}};
  if (cost) json["cost"] = *cost;
  json["mmac_per_image"] = simulation.mmac_per_image;
  json["mac_fraction"] = simulation.mac_fraction;
  json["stopped"] = simulation.stopped;
  return json;
}

ordered_json figures_json(const Budget& budget) { return figures_json(budget.simulation, budget.cost); }

// "top-1 91.50 %, MACs 18.2 % of the largest stage, exits 62.1 %, 20.0 %, 17.9 %"
std::string exits_text(const ordered_json& figures) {
  double images = 0;
  for (const auto& stopped : figures["stopped"]) images += stopped.get<double>();
  std::string exits;
  for (const auto& stopped : figures["stopped"])
    exits += (exits.empty() ? "" : ", ") + percent(stopped.get<double>() / images, 1);
  return fmt::format("top-1 {}, MACs {} of the largest stage, exits {}", percent(figures["top1"].get<double>()),
                     percent(figures["mac_fraction"].get<double>(), 1), exits);
}

}  // namespace

void BudgetFlags::add_to(Options& options) {
  options_ = &options;
  goal_.add_to(options);
  options.add_text("policy", policy_, "NAME",
                   "meet the target by the threshold of this policy alone: learned, ann, confidence, margin, entropy, "
                   "combined-confidence, combined-margin, combined-entropy, agreement or random; without this flag by "
                   "the best point "
                   "of the frontier");
  add_combine(options, combine_, "how answers are combined with --policy; without this flag fitted");
  options.add_text("test", test_, "SPLIT", "also tell what it gives on this split of the file");
}

std::optional<BudgetQuestion> BudgetFlags::question() const {
  const std::optional<UnitGoal> goal = goal_.goal();
  check_flags(*options_, {{!goal, {"policy", "combine", "test"}, "only with a --target"},
                          {policy_.empty(), {"combine"}, "only with --policy: points of the frontier have their own"}});
  if (!goal) return {};
  BudgetQuestion question{.target = *goal, .combine = combine_};
  if (policy_.empty()) return question;
  question.policy = parse_policy_kind(policy_);
  if (!has_threshold(*question.policy))
    throw UsageError(fmt::format("--policy {}: it has no threshold to find", policy_));
  return question;
}

void BudgetFlags::check_test(const std::string& data) const {
  if (!test_.empty()) open_dataset(parse_data_spec(data).file, test_);
}

std::shared_ptr<const Dataset> BudgetFlags::test_images(const Model& model, const std::string& data) const {
  return dataset_of_model(model, open_dataset(parse_data_spec(data).file, test_)).dataset;
}

ordered_json BudgetFlags::decide(const BudgetQuestion& question, Model& model, CascadeTable& table,
                                 const Device& device, const Dataset& fitted_on, const std::string& data,
                                 int batch_size, const MeterEnvironment& meters) const {
  const BudgetAnswer answer =
      cascadecl::decide(question, model, table, device, fitted_on, {.max_batch = batch_size}, meters);
  ordered_json json = {{"policy", to_string(model.decision->policy.kind)},
                       {"parameter", *model.decision->policy.parameter},
                       {"combine", to_string(model.decision->combine)},
                       {"target",
                        {{"flag", flag_of(question.target)},
                         {"value", question.target.goal.value},
                         {"unit", unit_text(question.target)}}},
                       {"cost_unit", unit_text(question.target.unit)},
                       {"validation", figures_json(answer.budget)},
                       {"test", nullptr}};
  if (test_.empty()) return json;
  const auto test = test_images(model, data);
  json["test"] = figures_json(judge_decision(answer, model, device, *test, all_indices(test->size()), batch_size));
  return json;
}

void BudgetFlags::judge_refit(ordered_json& decision, const Model& model, const Device& device, const std::string& data,
                              int batch_size) const {
  if (test_.empty()) return;
  const auto test = test_images(model, data);
  CascadeTable table = cascade_table(model, device, *test, all_indices(test->size()), {.max_batch = batch_size});
  decision["test_after_refit"] = figures_json(simulate_model(model, std::move(table), device));
}

std::string decision_text(const ordered_json& decision) {
  const auto line = [&](const char* key) {
    const ordered_json& figures = decision[key];
    return fmt::format("top-1 {}, {:.6g} {}", percent(figures["top1"].get<double>()), figures["cost"].get<double>(),
                       decision["cost_unit"].get<std::string>());
  };
  std::string text = fmt::format("\npolicy {} at {:.6g}, combine {}\ntarget      {:.6g} {}\nvalidation  {}\n",
                                 decision["policy"].get<std::string>(), decision["parameter"].get<double>(),
                                 decision["combine"].get<std::string>(), decision["target"]["value"].get<double>(),
                                 decision["target"]["unit"].get<std::string>(), line("validation"));
  if (!decision["test"].is_null()) text += fmt::format("test        {}\n", line("test"));
  if (decision.contains("test_after_refit"))
    text += fmt::format("test before the refit  {}\ntest after it          {}\n", exits_text(decision["test"]),
                        exits_text(decision["test_after_refit"]));
  return text;
}

}  // namespace cascadecl
