#include "cli/cascade_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/flag_rules.h"
#include "cli/open_device.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/cascade/pipeline/trace.h"
#include "runtime/study/runs/evaluation.h"
#include "runtime/study/tradeoff/decide.h"

namespace cascadecl {

void CascadeFlags::add_to(Options& options, CascadeUse use) {
  options_ = &options;
  use_ = use;
  const std::size_t others = options.names().size();
  options.begin_group("how the cascade runs");
  device_.add_to(options, true);
  add_precision(options, precision_);
  options.add_number("batch-size", batch_size_, 1, 65536, "images that a stage runs at once");
  options.add_text(
      "policy", policy_, "NAME[:PARAMETER]",
      "when an image stops: learned[:T] (the model's stop probability is at least T, 0.5 without T), sample "
      "(with that probability), ann[:T], static[:STAGE], confidence:T, margin:T, entropy:T, the same three of the "
      "combined answer as combined-confidence:T, agreement[:N], random:P or oracle; without this flag as calibrate has "
      "chosen for the model, else learned");
  goal_.add_to(options);
  add_combine(
      options, combine_,
      "the answer: of all visited stages weighted by stop probability, of the last one, or of all with weights "
      "that train or calibrate fitted; without this flag as calibrate has chosen, else fitted if the model holds "
      "weights and reweight if not");
  options.add_number("seed", seed_, "for --policy sample and random");
  if (use != CascadeUse::measure) {
    options.add_choice<bool>(
        "placement", auto_placement_, {{"given", false}, {"auto", true}},
        "which stage runs where: as --device says, or what a measurement of the devices it lists (of "
        "all for auto) finds best; see cascadecl placement");
    options.add_choice<OnDeviceFailure>(
        "on-device-failure", on_failure_, {{"stop", OnDeviceFailure::stop}, {"continue", OnDeviceFailure::go_on}},
        "of several devices: stop with an error, or move the stages of a device that fails to another");
  }
  add_objective(options, objective_);
  meters_.add_to(options);
  options.add_number("device-timeout", timeout_s_, 0.001, 1e6,
                     "seconds for one piece of work after which a device has failed; ten times as many for opening it, "
                     "making it ready and what it runs first");
  if (use != CascadeUse::run && use != CascadeUse::measure)
    options.add_output("trace", trace_, "FILE", "write what each device did and when, in Chrome's trace event format");
  names_ = options.names();
  names_.erase(names_.begin(), names_.begin() + static_cast<std::ptrdiff_t>(others));
}

void CascadeFlags::check() const {
  if (!policy_.empty()) parse_policy_choice(policy_);
  const std::optional<UnitGoal> goal = goal_.goal();
  check_flags(*options_, {{goal.has_value(), {"policy", "combine"}, "not with a --target, which chooses them"}});
  const bool measures_energy =
      use_ == CascadeUse::profile || use_ == CascadeUse::run || objective_ == Objective::energy;
  check_flags(*options_,
              {{!auto_placement_ && use_ != CascadeUse::measure, {"objective"}, "only with --placement auto"},
               {!measures_energy, MeterFlags::names(), "only with --objective energy"}});
  check_writable(trace_);
}

ExecutorSettings CascadeFlags::timeouts() const {
  return {.device_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s_ * 1e3))};
}

ExecutorSettings CascadeFlags::settings() const {
  ExecutorSettings settings = timeouts();
  settings.max_batch = batch_size_;
  settings.precision = precision_;
  settings.on_failure = on_failure_;
  if (!trace_.empty()) settings.trace = std::make_shared<Trace>();
  return settings;
}

GoalChoice CascadeFlags::measured(const UnitGoal& goal, const Model& model) const {
  if (goal.unit == CostUnit::mac) return goal_choice(goal, model, {});
  InferenceUse use{{}, batch_size_};
  for (const Stage& stage : model.stages) use.networks.push_back(stage.network);
  const std::vector<Device> devices = device_.open_for(use, opening_settings(), true).devices;
  return goal_choice(goal, model, devices, settings(), meters());
}

ChosenCascade CascadeFlags::choose(Model whole) const {
  CascadeChoice said{.seed = seed_};
  if (!policy_.empty()) said.policy = parse_policy_choice(policy_);
  said.combine = combine_;
  if (const auto goal = goal_.goal()) said.goal = measured(*goal, whole);
  return cascadecl::choose(std::move(whole), said, settings());
}

DeviceSettings CascadeFlags::opening_settings() const { return device_settings(timeouts().first_timeout()); }

std::vector<Device> CascadeFlags::open_candidates() const { return device_.open_candidates(opening_settings()); }

std::vector<Device> CascadeFlags::place(const ChosenCascade& cascade, const Dataset& dataset, bool quiet) const {
  if (!auto_placement_) return place(cascade, std::span<const std::uint8_t>(), quiet);
  return place(cascade, first_images(dataset, placement_images), quiet, dataset.labels());
}

std::vector<Device> CascadeFlags::place(const ChosenCascade& cascade, std::span<const std::uint8_t> images, bool quiet,
                                        std::span<const std::int32_t> labels) const {
  const Model& model = cascade.model;
  if (!auto_placement_) {
    InferenceUse use{{}, batch_size_};
    for (const Stage& stage : model.stages) use.networks.push_back(stage.network);
    return device_.open_for(use, opening_settings(), quiet).devices;
  }
  const std::vector<Device> candidates = open_candidates();
  images = images.first(std::min(images.size(), placement_images * model.input.values()));
  labels = labels.first(std::min(labels.size(), images.size() / model.input.values()));
  const PlacementCosts costs =
      measure_placement(model, candidates, images, cascade.settings, objective_, meters(), labels);
  for (const PlacementDevice& device : costs.devices)
    if (!device.left_out.empty()) device_settings().warning("left out of the placement: " + device.left_out);
  const Placement best = rank_placements(costs, objective_).front();
  std::vector<Device> devices;
  for (const std::size_t i : best.device) devices.push_back(candidates[i]);
  for (std::size_t k = 0; k < devices.size(); ++k)
    note(fmt::format("stage {} ({}) runs on {}", k, model.stages[k].network.name(), devices[k].info().name), quiet);
  return devices;
}

void CascadeFlags::write_trace(const ExecutorSettings& settings) const {
  if (settings.trace) write_file(trace_, settings.trace->json());
}

nlohmann::ordered_json pipeline_json(const PipelineStatistics& statistics) {
  nlohmann::ordered_json devices = nlohmann::ordered_json::array(), failures = nlohmann::ordered_json::array();
  for (const auto& of : statistics.devices) devices.push_back({{"device", of.device}, {"busy_s", of.busy_seconds}});
  for (const DeviceFailure& failure : statistics.failures)
    failures.push_back({{"device", failure.device},
                        {"reason", failure.reason},
                        {"stages", failure.stages},
                        {"moved_to", failure.moved_to.empty() ? nlohmann::ordered_json(nullptr)
                                                              : nlohmann::ordered_json(failure.moved_to)}});
  return {{"devices", devices}, {"longest_queue", statistics.longest_queue}, {"device_failures", failures}};
}

std::string failures_text(const PipelineStatistics& statistics) {
  std::string text;
  for (const DeviceFailure& failure : statistics.failures) text += to_string(failure) + "\n";
  return text;
}

void add_objective(Options& options, Objective& objective) {
  options.add_choice<Objective>(
      "objective", objective,
      {{"throughput", Objective::throughput}, {"latency", Objective::latency}, {"energy", Objective::energy}},
      "what the placement is to be good at");
}

void add_combine(Options& options, std::optional<Combine>& combine, std::string_view help) {
  options.add_choice<std::optional<Combine>>(
      "combine", combine, {{"reweight", Combine::reweight}, {"last", Combine::last}, {"fitted", Combine::fitted}},
      help);
}

void add_precision(Options& options, Precision& precision) {
  options.add_choice<Precision>(
      "precision", precision, {{"fp32", Precision::fp32}, {"fp16", Precision::fp16}},
      "how activations of inference lie on the device; fp16 halves their memory, arithmetic stays float");
}

void refuse_fp16_training(Precision precision) {
  if (precision == Precision::fp32) return;
  throw UsageError(
      "--precision fp16: training runs in fp32; fp16 is for commands that run a model, and bench --mode infer");
}

nlohmann::ordered_json policy_json(const ChosenCascade& cascade) {
  const Model& model = cascade.model;
  const PolicyChoice& choice = cascade.choice;
  nlohmann::ordered_json json = {
      {"name", to_string(choice.kind)}, {"parameter", nullptr}, {"input", nullptr}, {"hidden", nullptr}};
  if (choice.parameter) json["parameter"] = *choice.parameter;
  if (!model.policies.empty()) {
    json["input"] = to_string(model.policies.front().input);
    json["hidden"] = model.policies.front().hidden;
  }
  json["stop"] = to_string(choice);
  json["combine"] = to_string(*cascade.settings.combine);
  return json;
}

std::string policy_text(const ChosenCascade& cascade) {
  return fmt::format("policy {}, combine {}", to_string(cascade.choice), to_string(*cascade.settings.combine));
}

}  // namespace cascadecl
