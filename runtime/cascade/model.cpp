#include "runtime/cascade/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/dataset_view.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

void check_head(const Model& model) {
  if (model.classes < 2) throw ShapeError(fmt::format("model: has {} classes, expected 2 or more", model.classes));
  if (model.stages.empty()) throw ShapeError("model: has no stages");
  if (!model.policies.empty() && model.policies.size() + 1 != model.stages.size())
    throw ShapeError(fmt::format("model: has {} policies, expected none or one fewer than its {} stages",
                                 model.policies.size(), model.stages.size()));
  const auto channels = static_cast<std::size_t>(std::max(model.input.channels, 0));
  if (model.mean.size() != channels || model.std.size() != channels)
    throw ShapeError(fmt::format("model: mean and std have {} and {} values, expected one for each of {} channels",
                                 model.mean.size(), model.std.size(), channels));
  if (!all_finite(model.mean)) throw ShapeError("model: mean must be finite");
  if (!all_finite(model.std) || std::any_of(model.std.begin(), model.std.end(), [](float v) { return !(v > 0); }))
    throw ShapeError("model: std must be finite and positive");
  if (!model.label_names.empty() && model.label_names.size() != static_cast<std::size_t>(model.classes))
    throw ShapeError(fmt::format("model: has {} label names for {} classes", model.label_names.size(), model.classes));
}

void check_stage(const Model& model, std::size_t i) {
  const Network& network = model.stages[i].network;
  if (network.classes() != model.classes || network.input_shape() != model.input)
    throw ShapeError(fmt::format("stage {}: network {} takes images {} of {} classes, the model has {} and {}", i,
                                 network.name(), to_string(network.input_shape()), network.classes(),
                                 to_string(model.input), model.classes));
  try {
    check_parameters(network, model.stages[i].parameters);
  } catch (const ShapeError& error) {
    throw ShapeError(fmt::format("stage {}: {}", i, error.what()));
  }
}

void check_policy(const Model& model, const std::vector<Policy>& policies, std::size_t i) {
  const Policy& policy = policies[i];
  if (policy.classes != model.classes || policy.hidden < 1)
    throw ShapeError(fmt::format("policy {}: has {} classes and {} hidden units, expected {} and at least 1", i,
                                 policy.classes, policy.hidden, model.classes));
  const int features = policy.input == PolicyInput::features ? model.stages.at(i).network.feature_count() : 0;
  if (policy.features != features)
    throw ShapeError(fmt::format("policy {}: has input {} and {} features, expected {}", i, to_string(policy.input),
                                 policy.features, features));
  for (const PolicyArray& array : policy_arrays(policy)) {
    const std::size_t expected = static_cast<std::size_t>(array.rows) * static_cast<std::size_t>(array.columns);
    if (array.values->size() != expected)
      throw ShapeError(
          fmt::format("policy {}: {} has {} values, expected {}", i, array.name, array.values->size(), expected));
    if (!all_finite(*array.values))
      throw ShapeError(fmt::format("policy {}: {} holds a value that is not finite", i, array.name));
  }
}

void check_calibration(const Model& model) {
  const std::size_t k = model.stages.size();
  const auto check = [](std::string_view name, std::size_t size, std::size_t expected) {
    if (size != 0 && size != expected)
      throw ShapeError(fmt::format("{}: {} of them, expected {} or none", name, size, expected));
  };
  check("exit functions", model.exit_functions.size(), k - 1);
  check("temperatures", model.temperatures.size(), k);
  check("combination weights", model.combination.size(), k * k);
  for (const double t : model.temperatures)
    if (!(t > 0 && std::isfinite(t))) throw ShapeError(fmt::format("temperatures: {} is not a positive number", t));
  if (model.combination.empty() && (sees_combined(model.policies) || sees_combined(model.exit_functions) ||
                                    std::ranges::any_of(model.frontier.policies, sees_combined)))
    throw ShapeError("combination weights: none, though policies see the combined answer");
  for (const double w : model.combination)
    if (!std::isfinite(w)) throw ShapeError("combination weights: one is not finite");
  if (model.decision && !std::isfinite(model.decision->policy.parameter.value_or(NAN)))
    throw ShapeError("decision: its threshold is not a finite number");
}

}  // namespace

std::string color_order(const Model& model) {
  if (!model.color_order.empty()) return model.color_order;
  return model.input.channels == 3 ? "RGB" : model.input.channels == 1 ? "gray" : "none";
}

void turn_pictures(const Model& model, std::span<std::uint8_t> pictures) {
  const ImageShape& input = model.input;
  if (color_order(model) == "BGR") turn_channels({input.channels, input.height, input.width}, pictures);
}

Combine default_combine(const Model& model) { return model.combination.empty() ? Combine::reweight : Combine::fitted; }

double Model::stage_macs(std::size_t i) const {
  const double network = static_cast<double>(stages.at(i).network.macs());
  return i < policies.size() ? network + static_cast<double>(policies[i].macs()) : network;
}

std::string Model::label_name(std::size_t label) const {
  return label_names.empty() ? std::to_string(label) : label_names[label];
}

double Model::macs_through(int exit) const {
  double macs = 0;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(exit); ++i) macs += stage_macs(i);
  return macs;
}

double largest_mmac(const Model& model) {
  double largest = 0;
  for (const Stage& stage : model.stages) largest = std::max(largest, static_cast<double>(stage.network.macs()) / 1e6);
  return largest;
}

void check_model(const Model& model) {
  check_head(model);
  for (std::size_t i = 0; i < model.stages.size(); ++i) check_stage(model, i);
  for (std::size_t i = 0; i < model.policies.size(); ++i) check_policy(model, model.policies, i);
  for (std::size_t i = 0; i < model.exit_functions.size(); ++i) check_policy(model, model.exit_functions, i);
  for (const std::vector<Policy>& set : model.frontier.policies)
    for (std::size_t i = 0; i < set.size(); ++i) check_policy(model, set, i);
  check_frontier(model.frontier, model.stages.size());
  check_calibration(model);
}

StageCosts relative_macs(const Model& model) {
  const double largest = largest_mmac(model) * 1e6;
  StageCosts costs;
  for (const Stage& stage : model.stages) costs.stages.push_back(static_cast<double>(stage.network.macs()) / largest);
  const std::vector<Policy>& policies =
      model.policies.empty() && !model.frontier.policies.empty() ? model.frontier.policies.front() : model.policies;
  for (const Policy& policy : policies) costs.policies.push_back(static_cast<double>(policy.macs()) / largest);
  return costs;
}

Model at_point(Model model, const FrontierPoint& point) {
  if (point.set) model.policies = model.frontier.policies.at(*point.set);
  model.decision = {point.policy, point.combine};
  return model;
}

Parameters tempered_parameters(const Model& model, std::size_t stage) {
  const Stage& of = model.stages.at(stage);
  return model.temperatures.empty() ? of.parameters : tempered(of.network, of.parameters, model.temperatures.at(stage));
}

Model single_stage(const Model& model, std::size_t stage) {
  return {
      .classes = model.classes,
      .input = model.input,
      .mean = model.mean,
      .std = model.std,
      .label_names = model.label_names,
      .color_order = model.color_order,
      .stages = {model.stages.at(stage)},
      .policies = {},
      .temperatures = model.temperatures.empty() ? std::vector<double>{} : std::vector{model.temperatures.at(stage)},
      .training = {}};
}

Model model_under(Model model, const PolicyChoice& choice) {
  if (model.stages.size() == 1) return model;
  if (choice.kind == PolicyKind::fixed) {
    const double last = static_cast<double>(model.stages.size()) - 1, stage = choice.parameter.value_or(last);
    if (!(stage >= 0 && stage <= last))
      throw UsageError(fmt::format("policy static:{}: the model's stages are 0..{}", stage, last));
    return single_stage(model, static_cast<std::size_t>(stage));
  }
  if (choice.kind == PolicyKind::ann) model.policies = model.exit_functions;
  if (!asks_model(choice.kind)) model.policies.clear();
  if (asks_model(choice.kind) && model.policies.empty())
    throw UsageError(fmt::format("policy {}: the model has none; {}", to_string(choice.kind),
                                 choice.kind == PolicyKind::ann ? "cascadecl calibrate fits exit functions"
                                                                : "cascadecl train --phases policy trains them"));
  return model;
}

}  // namespace cascadecl
