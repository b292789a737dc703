#include "trainer/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/policy_weights.h"
#include "runtime/foreign_text.h"
#include "runtime/network/stages.h"
#include "runtime/study/answers/dataset_of_model.h"
#include "trainer/held_out.h"
#include "trainer/new_head.h"
#include "trainer/policy_net.h"
#include "trainer/policy_phase.h"
#include "trainer/pretrain.h"
#include "trainer/relative_costs.h"
#include "trainer/stage_entry.h"
#include "trainer/train_memory.h"

namespace cascadecl {
namespace {

using Position = TrainState::Position;

constexpr std::size_t kMostStages = 64;

template <class Value>
void check_per_stage(std::string_view name, const PerStage<Value>& setting, int stages) {
  if (!setting.fits(static_cast<std::size_t>(stages))) {
    throw UsageError(fmt::format("{}: {} values for {} stages; expected one for all, or one for each", name,
                                 setting.values.size(), stages));
  }
}

void check_classes(const Training& training) {
  const DatasetHeader& header = training.data.header();
  const std::span<const std::int32_t> labels = training.data.labels();
  if (std::ranges::adjacent_find(labels, std::not_equal_to()) == labels.end())
    throw FileError(fmt::format("dataset {}: its {} images are all of class '{}', expected two classes at least",
                                printable(header.name), labels.size(),
                                printable(header.label_names[static_cast<std::size_t>(labels.front())])));
  const TrainSettings& settings = training.settings;
  if ((settings.policy || settings.joint) && training.has_policies() && header.classes() > most_policy_classes)
    throw UsageError(
        fmt::format("dataset {}: it has {} classes, policies take {} at most; train a single stage, or the "
                    "phase pretrain alone",
                    printable(header.name), header.classes(), most_policy_classes));
}

void check_teaching(const Training& training) {
  const TrainSettings& settings = training.settings;
  check_per_stage("teacher weight", settings.teacher_weight, training.stage_count());
  if (settings.teacher.empty()) return;
  if (!settings.pretrain && settings.refit == Refit::none)
    throw UsageError("teacher: it teaches in the phase pretrain, which is not to be run");
  for (const double weight : settings.teacher_weight.values)
    if (!(weight >= 0 && weight <= 1)) throw UsageError("teacher weight: expected 0 to 1");
  if (!(settings.teacher_temperature > 0 && std::isfinite(settings.teacher_temperature)))
    throw UsageError("teacher temperature: expected a number above 0");
  for (int stage = 0; stage < training.stage_count(); ++stage)
    if (training.teaches(stage)) return;
  throw UsageError("teacher weight: no stage that is pretrained has one above 0");
}

void check_new_head(const TrainSettings& settings) {
  if (!settings.new_head) return;
  if (!settings.pretrain) throw UsageError("new head: it learns in the phase pretrain, which is not to be run");
  if (settings.refit == Refit::all)
    throw UsageError("refit all: not with a new head, whose stages do not begin anew; expected continue");
  if (!(settings.base_learning_rate_scale >= 0 && settings.base_learning_rate_scale <= 1))
    throw UsageError("base learning rate scale: expected 0 to 1");
}

void check_refit(const Training& training) {
  if (training.settings.refit == Refit::none) return;
  if (training.split.held_out.empty())
    throw UsageError("refit: no image is held out, so the stages are trained on all of them anyway");
  for (int stage = 0; stage < training.stage_count(); ++stage)
    if (training.pretrains(stage)) return;
  throw UsageError("refit: all stages are of other models, MODEL#k, which stay as they are");
}

void check(const Training& training) {
  const TrainSettings& settings = training.settings;
  if (settings.patience < 0) throw UsageError("patience: expected 0 or more epochs");
  if (settings.batch_size < 1) throw UsageError("batch size: expected at least 1");
  if (settings.micro_batch < 0) throw UsageError("micro-batch: expected 0 or more");
  if (!(settings.momentum >= 0 && settings.momentum < 1)) throw UsageError("momentum: expected 0 or more and below 1");
  check_per_stage("epochs", settings.epochs, training.stage_count());
  check_per_stage("learning rate", settings.learning_rate, training.stage_count());
  check_per_stage("cutout", settings.cutout, training.stage_count());
  if (std::min({std::ranges::min(settings.epochs.values), settings.learning.epochs, settings.joint_epochs}) < 0) {
    throw UsageError("epochs: expected 0 or more");
  }
  if (std::ranges::min(settings.cutout.values) < 0) throw UsageError("cutout: expected 0 or more pixels");
  if (!settings.augment && (std::ranges::max(settings.cutout.values) > 0 || settings.flip == Flip::alternate)) {
    throw UsageError("cutout and flip alternate: they are augmentation, which is off");
  }
  check_new_head(settings);
  check_teaching(training);
  if (!(settings.label_smoothing >= 0 && settings.label_smoothing < 1)) {
    throw UsageError("label smoothing: expected 0 or more and less than 1");
  }
  check_classes(training);
  check_per_stage("joint learning rate", settings.joint_learning_rate, training.stage_count());
  if (settings.learns_as_in_the_paper()) {
    if (settings.learning.input == PolicyInput::combined)
      throw UsageError(
          "policy input combined: not with the joint loss reinforce, under which each stage answers alone");
    if (settings.joint_learning_rate.values.size() > 1)
      throw UsageError("joint learning rate: the joint loss reinforce takes one for all stages");
  }
  if (training.split.rest.empty()) throw UsageError("validation share: no image is left to train on");
  if ((settings.policy || settings.joint) && training.has_policies() && training.split.held_out.empty()) {
    throw UsageError("validation share: policies need held-out images; expected a share above 0");
  }
  const bool watches = settings.keep == KeepEpoch::best || settings.patience > 0;
  if (settings.pretrain && watches && training.split.held_out.empty())
    throw UsageError("validation share: keep best and patience need held-out images; expected a share above 0");
  check_refit(training);
}

// What checkpoints written before these settings existed were trained with. Which labels and order of colours they saw
// they do not tell: those of `identity` are as good as any.
std::string with_later_settings(const std::string& settings, const std::string& identity) {
  const auto now = nlohmann::ordered_json::parse(identity);
  const TrainSettings defaults;
  nlohmann::ordered_json json = {{"cost", to_string(defaults.cost)},
                                 {"frontier", false},
                                 {"refit", to_string(defaults.refit)},
                                 {"joint_loss", to_string(JointLoss::reinforce)},
                                 {"nesterov", defaults.nesterov},
                                 {"new_head", defaults.new_head},
                                 {"label_smoothing", defaults.label_smoothing},
                                 {"flip", to_string(defaults.flip)},
                                 {"keep", to_string(defaults.keep)},
                                 {"patience", defaults.patience},
                                 {"class_weights", "none"},
                                 {"cutout", defaults.cutout.values.front()},
                                 {"color_order", now["color_order"]},
                                 {"labels", now["labels"]}};
  json.update(nlohmann::ordered_json::parse(settings));
  return json.dump();
}

// Held-out images are of use only if the stages have not seen them.
void check_unseen(const std::string& what, const Model& model, const Training& training) {
  if (!training.split.held_out.empty() && saw_held_out(model, training.data))
    throw UsageError(
        fmt::format("{}: it was trained on all {} images of {} (refit), so none can be held out; expected "
                    "a validation share of 0",
                    what, training.data.size(), training.data.header().name));
}

Stage stage_of_model(const std::string& entry, const Training& training) {
  const DatasetHeader& header = training.data.header();
  const auto [path, number] = split_stage_entry(entry);
  const Model model = read_model(path);
  check_dataset(model, header);
  if (model.mean != header.mean || model.std != header.std)
    throw UsageError(fmt::format("stage {}: {} was trained with another mean and std than the dataset's", entry, path));
  check_unseen(fmt::format("stage {}", entry), model, training);
  const auto stage = stage_number(number, model.stages.size());
  if (!stage) throw UsageError(fmt::format("stage {}: expected MODEL#0 to MODEL#{}", entry, model.stages.size() - 1));
  return model.stages[*stage];
}

// While stages are pretrained or refitted, the records of that stand last in the history, one stage after the other,
// one for each epoch done: StageQueue finds the place of the next one by that.
void check_history(const Training& training) {
  const TrainState& state = training.state;
  if (state.position != Position::pretrain && !training.refits()) return;
  const auto fail = [&](const std::string& what) {
    throw FileError(fmt::format("{}: /checkpoint{}", training.checkpoint.string(), what));
  };
  std::size_t records = 0;
  for (int stage = 0; stage < training.stage_count(); ++stage) {
    const int epoch = state.progress[static_cast<std::size_t>(stage)].epoch,
              epochs = training.settings.epochs.at(stage);
    if (epoch > epochs) fail(fmt::format(": stage {} has done {} epochs, expected at most {}", stage, epoch, epochs));
    const int left_out = training.epochs_left_out(stage);
    if (epoch < left_out) fail(fmt::format(": stage {} is in epoch {}, expected {} or later", stage, epoch, left_out));
    if (training.pretrains(stage)) records += static_cast<std::size_t>(epoch - left_out);
  }
  const std::size_t found = state.history.size() - training.first_epoch_of(0);
  if (found != records)
    fail(fmt::format("/history: has {} records, expected {}, one for each epoch done", found, records));
  if (training.settings.keep == KeepEpoch::last || training.refits()) return;
  for (int stage = 0; stage < training.stage_count(); ++stage)
    if (!training.epochs_of(stage).empty() && !training.pretrained(stage) &&
        state.best[static_cast<std::size_t>(stage)].empty())
      fail(fmt::format("/stages/{}/best: missing, expected the parameters of the best epoch", stage));
}

void find_teacher(Training& training) {
  TrainSettings& settings = training.settings;
  if (settings.teacher.empty()) return;
  const DatasetHeader& header = training.data.header();
  training.teacher = std::make_shared<const Teacher>(read_teacher(settings.teacher, header));
  if (settings.teacher_temperature == 0) settings.teacher_temperature = default_teacher_temperature(header.classes());
}

// Drops what was fitted to the stages or policies of another model and no longer fits once they are trained on.
void forget_what_was_fitted(Model& model, const TrainSettings& settings) {
  const bool stages_change = settings.pretrain || settings.joint;
  if (!stages_change && !settings.policy) return;
  model.decision.reset();
  model.frontier = {};
  if (!stages_change) return;
  model.exit_functions.clear();
  model.temperatures.clear();
  model.combination.clear();
}

}  // namespace

bool trained_elsewhere(const std::string& stage) { return stage.find('#') != std::string::npos; }

bool Training::pretrains(int stage) const {
  const auto place = static_cast<std::size_t>(stage);
  return place >= settings.stages.size() || !trained_elsewhere(settings.stages[place]);
}

Parameters Training::first_parameters(int stage) const {
  // Each stage its own.
  return initial_parameters(state.model.stages[static_cast<std::size_t>(stage)].network,
                            settings.seed * 1000 + static_cast<std::uint64_t>(stage));
}

std::vector<std::int64_t> Training::images_to_fit() const { return refits() ? all_indices(data.size()) : split.rest; }

std::vector<std::int64_t> Training::images_to_judge() const {
  return refits() ? std::vector<std::int64_t>{} : split.held_out;
}

int Training::epochs_left_out(int stage) const {
  return refits() ? cascadecl::epochs_left_out(settings.refit, settings.epochs.at(stage)) : 0;
}

std::size_t Training::first_epoch_of(int stage) const {
  const auto earlier = [](const EpochRecord& record) { return record.phase != "refit"; };
  auto first = static_cast<std::size_t>(refits() ? std::ranges::count_if(state.history, earlier) : 0);
  for (int before = 0; before < stage; ++before) first += epochs_done(before);
  return first;
}

std::size_t Training::epochs_done(int stage) const {
  const int done = state.progress[static_cast<std::size_t>(stage)].epoch - epochs_left_out(stage);
  return pretrains(stage) ? static_cast<std::size_t>(done) : 0;
}

std::span<const EpochRecord> Training::epochs_of(int stage) const {
  return std::span(state.history).subspan(first_epoch_of(stage), epochs_done(stage));
}

bool Training::pretrained(int stage) const {
  if (!pretrains(stage)) return true;
  const int all = settings.epochs.at(stage);
  if (refits()) return state.progress[static_cast<std::size_t>(stage)].epoch >= all;  // nothing tells the best epoch
  return ends_after(epochs_of(stage), all, settings.patience);
}

bool Training::teaches(int stage) const { return teacher && pretrains(stage) && settings.teacher_weight.at(stage) > 0; }

void Training::start(const std::optional<Model>& initial) {
  const DatasetHeader& header = data.header();
  const ImageShape input{header.dims.channels, header.dims.height, header.dims.width};
  Model& model = state.model;
  if (settings.new_head && !initial) throw UsageError("new head: there is no model to start from");
  if (initial) {
    model = settings.new_head ? with_new_head(*initial, header, settings.seed) : *initial;
    check_dataset(model, header);
    check_unseen("from", model, *this);
    forget_what_was_fitted(model, settings);
  } else {
    model = {.classes = header.classes(), .input = input, .label_names = header.label_names};
    if (settings.stages.size() > kMostStages)
      throw UsageError(fmt::format("stages: {} of them, at most {} are allowed", settings.stages.size(), kMostStages));
    for (const std::string& entry : settings.stages) {
      if (trained_elsewhere(entry)) {
        model.stages.push_back(stage_of_model(entry, *this));
      } else {
        model.stages.push_back({parse_stages(entry, input, header.classes()).front(), {}});
        model.stages.back().parameters = first_parameters(stage_count() - 1);
      }
    }
  }
  model.mean = header.mean;
  model.std = header.std;
  model.color_order = header.color_order;
  if (model.combination.empty() && model.stages.size() > 1) model.combination = own_answers(model.stages.size());
  const bool fits = model.policies.size() + 1 == model.stages.size();
  if (settings.policy || settings.new_head || !fits || !initial) {
    std::vector<int> features;
    for (const Stage& stage : model.stages) features.push_back(stage.network.feature_count());
    model.policies =
        initial_policies(stage_count(), settings.learning.input, model.classes,
                         settings.learning.hidden_units(model.classes), settings.seed_of_policies(), features);
  }
  find_teacher(*this);
  check(*this);
  fit_batch(*this);
  if ((settings.policy || settings.joint) && has_policies())
    state.relative_costs = relative_costs(model, settings.cost, device(), data,
                                          images_at_once(settings.batch_size, settings.micro_batch), meters);
  advance(Position::pretrain);
}

void Training::resume() {
  Checkpoint saved = read_checkpoint(checkpoint);
  state = std::move(saved.state);
  check_dataset(state.model, data.header());
  find_teacher(*this);
  check(*this);
  fit_batch(*this);
  const std::string now = identity(), other = differences(with_later_settings(saved.settings, now), now);
  if (!other.empty()) {
    throw UsageError(fmt::format("--resume: {} was made with other settings: {}", checkpoint.string(), other));
  }
  check_history(*this);
  const std::int64_t batch = settings.batch_size;
  const std::int64_t steps = (static_cast<std::int64_t>(images_to_fit().size()) + batch - 1) / batch;
  for (const EpochProgress& progress : state.progress)
    if (progress.step >= steps)
      throw FileError(fmt::format("{}: /checkpoint: attribute step is {}, expected 0 to {}", checkpoint.string(),
                                  progress.step, steps - 1));
}

std::vector<double> Training::costs() const {
  return state.relative_costs.empty() ? relative_costs(state.model) : state.relative_costs;
}

void Training::advance(Position position) {
  const auto wanted = [&](Position p) {
    switch (p) {
      case Position::pretrain:
        return settings.pretrain;
      case Position::policy:
        return settings.policy && has_policies();
      case Position::joint:
        return settings.joint && settings.joint_epochs > 0 && has_policies();
      case Position::frontier:
        return settings.frontier && (settings.policy || settings.joint) && can_fit_answers();
      case Position::refit:
        return settings.refit != Refit::none;
      default:
        return true;
    }
  };
  while (!wanted(position)) position = static_cast<Position>(static_cast<int>(position) + 1);
  state.position = position;
  const std::size_t stages = position == Position::pretrain || refits() ? state.model.stages.size() : 0;
  state.progress.assign(position == Position::done ? 0 : std::max<std::size_t>(stages, 1), {});
  for (int stage = 0; refits() && stage < stage_count(); ++stage)
    state.progress[static_cast<std::size_t>(stage)].epoch = epochs_left_out(stage);
  state.policies_due = false;
  state.momentum.assign(stages, {});
  state.best.assign(stages, {});
  state.policy_momentum.clear();
}

void Training::save() const {
  if (!checkpoint.empty()) write_checkpoint(checkpoint, {state, identity()});
}

void Training::record(const EpochRecord& epoch) {
  state.history.push_back(epoch);
  observer.on_epoch(epoch);
}

std::string Training::identity() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json(settings));
  json["data"] = valid_utf8(data.header().name);
  json["images"] = data.size();
  json["mean"] = data.header().mean;
  json["std"] = data.header().std;
  json["color_order"] = data.header().color_order;
  json["labels"] = fingerprint(data.labels());
  if (teacher) json["teacher_identity"] = teacher->identity;
  return json.dump();
}

std::vector<Network> Training::networks() const {
  std::vector<Network> networks;
  for (const Stage& stage : state.model.stages) networks.push_back(stage.network);
  return networks;
}

std::vector<Parameters> Training::stage_parameters() const {
  std::vector<Parameters> parameters;
  for (const Stage& stage : state.model.stages) parameters.push_back(stage.parameters);
  return parameters;
}

void check_finite(const Parameters& parameters, const std::string& phase, const std::string& what, int epoch,
                  const std::string& flag) {
  for (const auto& [key, values] : parameters) {
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
      throw TrainingError(
          fmt::format("{} of {}: {} is not finite in epoch {}; try a smaller {}", phase, what, key, epoch, flag));
    }
  }
}

}  // namespace cascadecl
