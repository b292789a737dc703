#include "cli/cascade_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/open_device.h"
#include "data/error.h"

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

std::vector<Device> CascadeFlags::open_devices(std::size_t stages) const { return device_.open_stages(stages); }

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
