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

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json figures_json(const Budget& budget) {
  const Simulation& simulation = budget.simulation;
  return {{"top1", simulation.top1},
          {"cost", budget.cost},
          {"mmac_per_image", simulation.mmac_per_image},
          {"mac_fraction", simulation.mac_fraction},
          {"stopped", simulation.stopped}};
}

std::string flag_of(const BudgetQuestion& question) {
  return question.target.kind == BudgetTarget::Kind::drop ? "target-drop"
                                                          : fmt::format("target-{}", to_string(question.unit));
}

}  // namespace

void BudgetFlags::add_to(Options& options) {
  options_ = &options;
  options.add_number("target-mac", mac_, 0, 1e6, "find a threshold for this share of the largest stage's MACs");
  options.add_number("target-ms", ms_, 0, 1e9, "find a threshold for this many ms an image, measured on the device");
  options.add_number("target-mj", mj_, 0, 1e9, "find a threshold for this many mJ an image, measured on the device");
  options.add_number(
      "target-drop", drop_, -100, 100,
      "find the cheapest threshold that loses at most this many points of accuracy against the largest stage");
  options.add_text(
      "policy", policy_, "NAME",
      "the policy whose threshold is found: learned, ann, confidence, margin, entropy, combined-confidence, "
      "combined-margin, combined-entropy, agreement or random");
  add_combine(options, combine_, "how answers are combined with it; without this flag fitted");
  options.add_text("test", test_, "SPLIT", "also tell what the threshold gives on this split of the file");
}

std::optional<BudgetQuestion> BudgetFlags::question() const {
  using Kind = BudgetTarget::Kind;
  std::optional<BudgetQuestion> chosen;
  for (const BudgetQuestion& one :
       {BudgetQuestion{{Kind::cost, mac_}, CostUnit::mac}, BudgetQuestion{{Kind::cost, ms_}, CostUnit::ms},
        BudgetQuestion{{Kind::cost, mj_}, CostUnit::mj}, BudgetQuestion{{Kind::drop, drop_}, CostUnit::mac}}) {
    const std::string flag = flag_of(one);
    if (!options_->given(flag)) continue;
    if (chosen)
      check_flags(*options_, {{true, {flag}, fmt::format("not with --{}: give one target", flag_of(*chosen))}});
    chosen = one;
  }
  check_flags(*options_, {{!chosen, {"policy", "combine", "test"}, "only with a --target"}});
  if (!chosen) return {};
  chosen->policy = parse_policy_kind(policy_);
  chosen->combine = combine_;
  if (!has_threshold(chosen->policy))
    throw UsageError(fmt::format("--policy {}: it has no threshold to find", policy_));
  return chosen;
}

void BudgetFlags::check_test(const std::string& data) const {
  if (!test_.empty()) open_dataset(parse_data_spec(data).file, test_);
}

ordered_json BudgetFlags::decide(const BudgetQuestion& question, Model& model, CascadeTable& table,
                                 const Device& device, const Dataset& fitted_on, const std::string& data,
                                 int batch_size, const MeterEnvironment& meters) const {
  const BudgetAnswer answer =
      cascadecl::decide(question, model, table, device, fitted_on, {.max_batch = batch_size}, meters);
  ordered_json json = {
      {"policy", to_string(question.policy)},
      {"parameter", *model.decision->policy.parameter},
      {"combine", to_string(model.decision->combine)},
      {"target", {{"flag", flag_of(question)}, {"value", question.target.value}, {"unit", target_unit_text(question)}}},
      {"cost_unit", unit_text(question.unit)},
      {"validation", figures_json(answer.budget)},
      {"test", nullptr}};
  if (test_.empty()) return json;
  const auto test = open_dataset(parse_data_spec(data).file, test_);
  json["test"] = figures_json(judge_decision(answer, model, device, *test, all_indices(test->size()), batch_size));
  return json;
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
  return text;
}

}  // namespace cascadecl
