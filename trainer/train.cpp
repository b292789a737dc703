#include "trainer/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/error.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/label_probabilities.h"
#include "runtime/network/stages.h"
#include "runtime/opencl/memory_fit.h"
#include "trainer/joint.h"
#include "trainer/policy_net.h"
#include "trainer/policy_phase.h"

namespace cascadecl {
namespace {

using Position = TrainState::Position;

// The settings with what they were applied to: a checkpoint fits only the same.
std::string identity(const TrainSettings& settings, const Dataset& data) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(settings));
  json["data"] = data.header().name;
  json["images"] = data.size();
  json["mean"] = data.header().mean;
  json["std"] = data.header().std;
  return json.dump();
}

// A loss may stay finite for a step after the parameters are not: those must never reach a checkpoint.
void check_finite(const Parameters& parameters, const std::string& phase, const std::string& what, int epoch,
                  const std::string& flag) {
  for (const auto& [key, values] : parameters) {
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
      throw TrainingError(
          fmt::format("{} of {}: {} is not finite in epoch {}; try a smaller {}", phase, what, key, epoch, flag));
    }
  }
}

class Training {
 public:
  Training(const TrainSettings& settings, const Dataset& data, const Device& device, TrainObserver& observer,
           const std::filesystem::path& checkpoint)
      : settings_(settings),
        data_(data),
        device_(device),
        observer_(observer),
        checkpoint_(checkpoint),
        split_(split_validation(data.labels(), settings.validation_share, settings.seed)) {}

  void start(const std::optional<Model>& initial);
  void resume();
  // False if the observer stopped it.
  bool run();
  Model result() const;

 private:
  int stage_count() const { return static_cast<int>(state_.model.stages.size()); }
  bool has_policies() const { return !state_.model.policies.empty(); }
  void check() const;
  PretrainSettings pretrain_settings(int stage) const;
  JointSettings joint_settings() const;
  std::vector<Network> networks() const;
  std::vector<Parameters> stage_parameters() const;
  std::vector<Rehearsal> rehearsals() const;
  void fit_batch();
  void advance(Position position);
  void save() const;
  bool pretrain();
  bool pretrain_stage();
  bool train_policies();
  bool joint();
  bool refit_policies();
  PolicyPhase make_policy_phase() const;
  bool run_policy_phase(PolicyPhase& phase, const std::string& name);
  void record(const EpochRecord& epoch) {
    state_.history.push_back(epoch);
    observer_.on_epoch(epoch);
  }

  TrainSettings settings_;
  const Dataset& data_;
  Device device_;
  TrainObserver& observer_;
  std::filesystem::path checkpoint_;
  ValidationSplit split_;
  TrainState state_;
};

void Training::start(const std::optional<Model>& initial) {
  const DatasetHeader& header = data_.header();
  const ImageShape input{header.dims.channels, header.dims.height, header.dims.width};
  Model& model = state_.model;
  if (initial) {
    model = *initial;
    check_dataset(model, header);
  } else {
    std::string names;
    for (const std::string& stage : settings_.stages) names += (names.empty() ? "" : ",") + stage;
    model = {.classes = header.classes(), .input = input, .label_names = header.label_names};
    for (const Network& network : parse_stages(names, input, header.classes())) {
      const std::uint64_t seed = settings_.seed * 1000 + model.stages.size();  // each stage its own weights
      model.stages.push_back({network, initial_parameters(network, seed)});
    }
  }
  model.mean = header.mean;
  model.std = header.std;
  const bool fits = model.policies.size() + 1 == model.stages.size();
  if (settings_.policy || !fits || !initial) {
    const int hidden = settings_.policy_hidden ? settings_.policy_hidden : default_hidden(model.classes);
    model.policies = initial_policies(stage_count(), settings_.policy_input, model.classes, hidden, settings_.seed);
  }
  check();
  fit_batch();
  advance(Position::pretrain);
}

void Training::resume() {
  Checkpoint checkpoint = read_checkpoint(checkpoint_);
  state_ = std::move(checkpoint.state);
  check_dataset(state_.model, data_.header());
  check();
  fit_batch();
  const std::string other = differences(checkpoint.settings, identity(settings_, data_));
  if (!other.empty()) {
    throw UsageError(fmt::format("--resume: {} was made with other settings: {}", checkpoint_.string(), other));
  }
  const std::int64_t batch = settings_.batch_size;
  const std::int64_t steps = (static_cast<std::int64_t>(split_.rest.size()) + batch - 1) / batch;
  if (state_.step >= steps) {
    throw FileError(fmt::format("{}: /checkpoint: attribute step is {}, expected 0 to {}", checkpoint_.string(),
                                state_.step, steps - 1));
  }
}

void Training::check() const {
  if (settings_.batch_size < 1) throw UsageError("batch size: expected at least 1");
  if (std::min({settings_.epochs, settings_.policy_epochs, settings_.joint_epochs}) < 0) {
    throw UsageError("epochs: expected 0 or more");
  }
  if (split_.rest.empty()) throw UsageError("validation share: no image is left to train on");
  if ((settings_.policy || settings_.joint) && has_policies() && split_.held_out.empty()) {
    throw UsageError("validation share: policies need held-out images; expected a share above 0");
  }
}

// Moves on to the first of `position` and the phases after it that the settings ask for.
void Training::advance(Position position) {
  const auto wanted = [&](Position p) {
    switch (p) {
      case Position::pretrain:
        return settings_.pretrain;
      case Position::policy:
        return settings_.policy && has_policies();
      case Position::joint:
        return settings_.joint && settings_.joint_epochs > 0 && has_policies();
      default:
        return true;
    }
  };
  while (!wanted(position)) position = static_cast<Position>(static_cast<int>(position) + 1);
  state_.position = position;
  state_.stage = state_.epoch = 0;
  state_.step = 0;
  state_.loss = state_.correct = 0;
  state_.refit = false;
  state_.momentum.clear();
  state_.policy_momentum.clear();
}

PretrainSettings Training::pretrain_settings(int stage) const {
  return {.epochs = settings_.epochs,
          .batch_size = settings_.batch_size,
          .learning_rate = settings_.learning_rate,
          .schedule = settings_.schedule,
          .momentum = settings_.momentum,
          .weight_decay = settings_.weight_decay,
          .augment = settings_.augment,
          .seed = settings_.seed + 7919 * static_cast<std::uint64_t>(stage)};
}

JointSettings Training::joint_settings() const {
  return {.epochs = settings_.joint_epochs,
          .batch_size = settings_.batch_size,
          .learning_rate = settings_.joint_learning_rate,
          .momentum = settings_.momentum,
          .weight_decay = settings_.weight_decay,
          .augment = settings_.augment,
          .seed = settings_.seed,
          .estimator = {.kind = settings_.estimator,
                        .baseline = settings_.baseline,
                        .cost_through = settings_.cost_through,
                        .reward_label = settings_.reward_label,
                        .alpha = settings_.alpha,
                        .top_k = settings_.top_k,
                        .seed = settings_.seed}};
}

// What each phase has on the device at once, for the batch size of the settings.
std::vector<Rehearsal> Training::rehearsals() const {
  const Model& model = state_.model;
  std::vector<Rehearsal> phases;
  for (int stage = 0; settings_.pretrain && stage < stage_count(); ++stage) {
    phases.push_back([this, stage, &of = model.stages[static_cast<std::size_t>(stage)]](
                         const std::vector<Device>& devices, int batch) {
      PretrainSettings settings = pretrain_settings(stage);
      settings.batch_size = batch;
      Pretrainer(devices.front(), of.network, data_, {}, {}, settings, {.parameters = of.parameters});
    });
  }
  if (!has_policies()) return phases;
  const auto policies = [&model](const Device& device, int batch) {
    for (std::size_t k = 0; k < model.stages.size(); ++k)
      CascadeExecutor(single_stage(model, k), {device}, {.max_batch = batch}).warm_up();
  };
  if (settings_.joint && settings_.joint_epochs > 0) {
    phases.push_back([this, policies](const std::vector<Device>& devices, int batch) {
      JointSettings settings = joint_settings();
      settings.batch_size = batch;
      JointTrainer(devices.front(), networks(), data_, {}, relative_costs(state_.model), settings,
                   state_.model.policies, {.parameters = stage_parameters()});
      policies(devices.front(), batch);  // they are fitted again after each epoch
    });
  } else if (settings_.policy) {
    phases.push_back([policies](const std::vector<Device>& devices, int batch) { policies(devices.front(), batch); });
  }
  return phases;
}

void Training::fit_batch() {
  if (settings_.smaller_batch) {
    settings_.batch_size = fitting_batch(settings_.batch_size, {device_}, rehearsals());
  } else {
    require_batch(settings_.batch_size, {device_}, rehearsals());
  }
}

std::vector<Network> Training::networks() const {
  std::vector<Network> networks;
  for (const Stage& stage : state_.model.stages) networks.push_back(stage.network);
  return networks;
}

std::vector<Parameters> Training::stage_parameters() const {
  std::vector<Parameters> parameters;
  for (const Stage& stage : state_.model.stages) parameters.push_back(stage.parameters);
  return parameters;
}

void Training::save() const {
  if (!checkpoint_.empty()) write_checkpoint(checkpoint_, {state_, identity(settings_, data_)});
}

bool Training::run() {
  while (state_.position != Position::done) {
    const Position position = state_.position;
    const bool complete = position == Position::pretrain ? pretrain()
                          : position == Position::policy ? train_policies()
                                                         : joint();
    if (!complete) {
      save();
      return false;
    }
    advance(static_cast<Position>(static_cast<int>(position) + 1));
    save();
  }
  return true;
}

bool Training::pretrain() {
  for (; state_.stage < stage_count(); ++state_.stage) {
    if (!pretrain_stage()) return false;
    state_.epoch = 0;
    state_.momentum.clear();
  }
  state_.stage = 0;
  return true;
}

bool Training::pretrain_stage() {
  Stage& stage = state_.model.stages[static_cast<std::size_t>(state_.stage)];
  PretrainState state{.epoch = state_.epoch,
                      .step = state_.step,
                      .loss = state_.loss,
                      .correct = state_.correct,
                      .parameters = stage.parameters};
  if (!state_.momentum.empty()) state.momentum = state_.momentum.front();
  Pretrainer trainer(device_, stage.network, data_, split_.rest, split_.held_out, pretrain_settings(state_.stage),
                     state);
  const auto keep = [&] {
    state = trainer.state();
    check_finite(state.parameters, "pretrain", stage.network.name(), state.epoch, "--learning-rate");
    stage.parameters = std::move(state.parameters);
    state_.momentum = {std::move(state.momentum)};
    state_.epoch = state.epoch;
    state_.step = state.step;
    state_.loss = state.loss;
    state_.correct = state.correct;
  };
  while (!trainer.finished()) {
    if (observer_.stop_requested() || trainer.run_epoch(observer_) == Pretrainer::Outcome::stopped) {
      keep();
      return false;
    }
    keep();
    record(trainer.last_epoch());
    save();
  }
  return true;
}

PolicyPhase Training::make_policy_phase() const {
  const PolicyPhaseSettings settings{.epochs = settings_.policy_epochs,
                                     .batch_size = settings_.batch_size,
                                     .learning_rate = settings_.policy_learning_rate,
                                     .estimator = settings_.estimator,
                                     .baseline = settings_.baseline,
                                     .cost_through = settings_.cost_through,
                                     .reward_label = settings_.reward_label,
                                     .alpha = settings_.alpha,
                                     .entropy = settings_.entropy,
                                     .input = settings_.policy_input,
                                     .hidden = settings_.policy_hidden,
                                     .top_k = settings_.top_k,
                                     .seed = settings_.seed};
  const auto probabilities = label_probabilities(state_.model, device_, data_, split_.held_out, settings_.batch_size);
  std::vector<int> labels;
  for (std::int64_t i : split_.held_out) labels.push_back(data_.labels()[static_cast<std::size_t>(i)]);
  return PolicyPhase(device_, settings, relative_costs(state_.model), state_.model.classes, probabilities.values,
                     labels);
}

// Runs the phase to its end; false if the observer stopped it between epochs.
bool Training::run_policy_phase(PolicyPhase& phase, const std::string& name) {
  while (!phase.finished()) {
    if (observer_.stop_requested()) return false;
    const auto start = std::chrono::steady_clock::now();
    const PolicyEpoch& epoch = phase.run_epoch();
    EpochRecord r{.phase = name,
                  .what = "policies",
                  .epoch = epoch.epoch + 1,
                  .loss = -epoch.expected_reward,
                  .accuracy = epoch.accuracy};
    r.mac_fraction = epoch.mean_cost;
    r.learning_rate = epoch.learning_rate;
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    r.images_per_s = static_cast<double>(split_.held_out.size()) / r.seconds;
    record(r);
    const PolicyPhaseState state = phase.state();
    if (state_.position == Position::policy) {
      state_.epoch = state.epoch;
      state_.model.policies = state.policies;
      state_.policy_momentum = state.momentum;
      save();
    }
  }
  state_.model.policies = phase.policies();
  return true;
}

bool Training::train_policies() {
  PolicyPhase phase = make_policy_phase();
  if (!state_.policy_momentum.empty()) {
    phase.restore({.epoch = state_.epoch, .policies = state_.model.policies, .momentum = state_.policy_momentum});
  }
  return run_policy_phase(phase, "policy");
}

// The policies again, on what the stages now say of the held-out images, from where they are.
bool Training::refit_policies() {
  PolicyPhase phase = make_policy_phase();
  PolicyPhaseState state = phase.state();
  state.policies = state_.model.policies;
  phase.restore(state);
  return run_policy_phase(phase, "joint-policy");
}

bool Training::joint() {
  const std::vector<Network> networks = this->networks();
  JointState state{.epoch = state_.epoch,
                   .step = state_.step,
                   .reward = state_.loss,
                   .parameters = stage_parameters(),
                   .momentum = state_.momentum};
  JointTrainer trainer(device_, networks, data_, split_.rest, relative_costs(state_.model), joint_settings(),
                       state_.model.policies, state);
  const auto keep = [&] {
    JointState now = trainer.state();
    for (std::size_t i = 0; i < networks.size(); ++i) {
      check_finite(now.parameters[i], "joint", networks[i].name(), now.epoch, "--joint-learning-rate");
    }
    for (std::size_t i = 0; i < networks.size(); ++i) state_.model.stages[i].parameters = std::move(now.parameters[i]);
    state_.momentum = std::move(now.momentum);
    state_.epoch = now.epoch;
    state_.step = now.step;
    state_.loss = now.reward;
  };
  while (state_.refit || !trainer.finished()) {
    if (!state_.refit) {
      if (observer_.stop_requested() || trainer.run_epoch(observer_) == JointTrainer::Outcome::stopped) {
        keep();
        return false;
      }
      keep();
      record(trainer.last_epoch());
      state_.refit = true;
      save();
    }
    const std::size_t records = state_.history.size();
    if (!refit_policies()) {
      state_.history.resize(records);  // it starts anew
      return false;
    }
    trainer.set_policies(state_.model.policies);
    state_.refit = false;
    save();
  }
  return true;
}

Model Training::result() const {
  Model model = state_.model;
  const nlohmann::ordered_json training = {
      {"settings", nlohmann::ordered_json::parse(identity(settings_, data_))},
      {"device", device_.info().name},
      {"driver", device_.info().platform_name + " " + device_.info().driver_version},
      {"relative_costs", relative_costs(model)},
      {"history", nlohmann::ordered_json::parse(history_to_json(state_.history))}};
  model.training = training.dump();
  return model;
}

}  // namespace

std::vector<double> relative_costs(const Model& model) {
  const double largest = static_cast<double>(
      std::ranges::max(model.stages, {}, [](const Stage& s) { return s.network.macs(); }).network.macs());
  std::vector<double> costs;
  for (std::size_t i = 0; i < model.stages.size(); ++i) costs.push_back(model.stage_macs(i) / largest);
  return costs;
}

TrainResult train(const TrainSettings& settings, const Dataset& data, const Device& device, TrainObserver& observer,
                  const std::filesystem::path& checkpoint, bool resume, const std::optional<Model>& initial) {
  Training training(settings, data, device, observer, checkpoint);
  if (resume) {
    training.resume();
  } else {
    training.start(initial);
  }
  const bool complete = training.run();
  return {complete, training.result()};
}

}  // namespace cascadecl
