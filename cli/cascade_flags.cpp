#include "cli/cascade_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/open_device.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/atomic_file.h"
#include "data/error.h"
#include "runtime/cascade/pipeline/trace.h"
#include "runtime/cascade/stage_costs.h"

namespace cascadecl {

void CascadeFlags::add_to(Options& options) {
  options_ = &options;
  device_.add_to(options, true);
  add_precision(options, precision_);
  options.add_number("batch-size", batch_size_, 1, 65536, "images that a stage runs at once");
  options.add_text("stop", stop_, "RULE",
                   "when an image stops: argmax (stop probability at least 0.5), sample (drawn by --seed) or "
                   "threshold T (stop probability at least T)");
  options.take_second_word("stop", "threshold");
  options.add_choice<Combine>("combine", combine_,
                              {{"reweight", Combine::reweight}, {"last", Combine::last}, {"fitted", Combine::fitted}},
                              "the answer: of all visited stages weighted by stop probability, of the last one, or of "
                              "all with weights that calibrate fitted");
  options.add_text("policy", policy_, "NAME[:PARAMETER]",
                   "who decides when an image stops: learned[:T], ann[:T], static[:STAGE], confidence:T, margin:T, "
                   "entropy:T, agreement[:N], random:P or oracle; without this flag and --stop what "
                   "calibrate has chosen for the model, else learned");
  options.add_number("seed", seed_, "for --stop sample");
  options.add_choice<bool>(
      "placement", auto_placement_, {{"given", false}, {"auto", true}},
      "which stage runs where: as --device says, or what a measurement of the devices it lists (of "
      "all for auto) finds best; see cascadecl placement");
  add_objective(options, objective_);
  options.add_choice<OnDeviceFailure>(
      "on-device-failure", on_failure_, {{"stop", OnDeviceFailure::stop}, {"continue", OnDeviceFailure::go_on}},
      "of several devices: stop with an error, or move the stages of a device that fails to another");
  options.add_number("device-timeout", timeout_s_, 0.001, 1e6,
                     "seconds for one piece of work after which a device has failed");
  options.add_text("trace", trace_, "FILE", "write what each device did and when, in Chrome's trace event format");
}

bool CascadeFlags::decides(const std::optional<Decision>& standard) const {
  return standard && !options_->given("policy") && !options_->given("stop");
}

ExecutorSettings CascadeFlags::settings(const std::optional<Decision>& standard) const {
  ExecutorSettings settings{.max_batch = batch_size_, .combine = combine_, .precision = precision_};
  try {
    settings.stop = parse_stop_rule(stop_);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--stop: {}", error.what()));
  }
  settings.stop.seed = seed_;
  settings.on_failure = on_failure_;
  settings.device_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s_ * 1e3));
  if (!trace_.empty()) settings.trace = std::make_shared<Trace>();
  if (decides(standard) && !options_->given("combine")) settings.combine = standard->combine;
  const PolicyChoice choice = this->choice(standard);
  if (asks_model(choice.kind)) {
    if (choice.parameter != 0.5) {
      if (stop_ != "argmax")
        throw UsageError(fmt::format("--policy {} and --stop {}: each gives a threshold", policy_, stop_));
      settings.stop.kind = StopRule::Kind::threshold;
      settings.stop.threshold = *choice.parameter;
    }
  } else if (choice.kind != PolicyKind::fixed) {
    settings.policy = make_policy(choice.kind, seed_);
    settings.limit = settings.policy->limit_of(*choice.parameter);
  }
  return settings;
}

PolicyChoice CascadeFlags::choice(const std::optional<Decision>& standard) const {
  return decides(standard) ? standard->policy : parse_policy_choice(policy_);
}

std::vector<Device> CascadeFlags::open_devices(std::size_t stages) const {
  if (auto_placement_) throw UsageError("--placement auto: this command measures nothing to choose from");
  return device_.open_stages(stages);
}

std::vector<Device> CascadeFlags::open_candidates() const { return device_.open_candidates(); }

std::vector<Device> CascadeFlags::place(const Model& model, const Dataset& dataset, const ExecutorSettings& settings,
                                        bool quiet) const {
  if (!auto_placement_) return device_.open_stages(model.stages.size());
  const std::vector<Device> candidates = open_candidates();
  const PlacementCosts costs =
      measure_placement(model, candidates, first_images(dataset, placement_images), settings, objective_);
  const Placement best = rank_placements(costs, objective_).front();
  std::vector<Device> devices;
  for (const std::size_t i : best.device) devices.push_back(candidates[i]);
  for (std::size_t k = 0; k < devices.size(); ++k)
    note(fmt::format("stage {} ({}) runs on {}", k, model.stages[k].network.name(), devices[k].info().name), quiet);
  return devices;
}

void CascadeFlags::refuse_trace() const {
  if (!trace_.empty()) throw UsageError("--trace: only with eval, predict and profile, and one policy");
}

void CascadeFlags::write_trace(const ExecutorSettings& settings) const {
  if (!settings.trace) return;
  AtomicFile file(trace_);
  file.append(settings.trace->json());
  file.commit();
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

void add_precision(Options& options, Precision& precision) {
  options.add_choice<Precision>(
      "precision", precision, {{"fp32", Precision::fp32}, {"fp16", Precision::fp16}},
      "how activations of inference lie on the device; fp16 halves their memory, arithmetic stays float");
}

void refuse_fp16_training(Precision precision) {
  if (precision == Precision::fp32) return;
  throw UsageError(
      "--precision fp16: training runs in fp32; fp16 is for bench --mode infer, eval, predict and profile");
}

nlohmann::ordered_json policy_json(const Model& model, const ExecutorSettings& settings, const PolicyChoice& choice) {
  nlohmann::ordered_json json = {
      {"name", to_string(choice.kind)}, {"parameter", nullptr}, {"input", nullptr}, {"hidden", nullptr}};
  if (choice.parameter) json["parameter"] = *choice.parameter;
  if (!model.policies.empty()) {
    json["input"] = to_string(model.policies.front().input);
    json["hidden"] = model.policies.front().hidden;
  }
  json["stop"] = to_string(settings.stop);
  json["combine"] = to_string(settings.combine);
  return json;
}

}  // namespace cascadecl
