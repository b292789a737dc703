#include "trainer/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/budget_flags.h"
#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/flag_rules.h"
#include "cli/frontier_text.h"
#include "cli/interrupt.h"
#include "cli/lists.h"
#include "cli/meter_flags.h"
#include "cli/open_data.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/output_lock.h"
#include "cli/policy_learning_flags.h"
#include "cli/progress.h"
#include "cli/shell_command.h"
#include "cli/train_display.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "trainer/checkpoint.h"
#include "trainer/data_advice.h"
#include "trainer/held_out.h"
#include "trainer/training_data.h"

namespace cascadecl {
namespace {

struct Flags {
  std::string data, stages, from, output, checkpoint, phases = "pretrain,policy", class_weights = "none";
  DeviceFlags device;
  std::uint64_t policy_seed = 1;
  bool resume = false;
  BudgetFlags budget;
  MeterFlags meters;
  TrainSettings settings;
};

void add_stage_flags(Options& options, TrainSettings& settings) {
  options.add_enumeration("refit", settings.refit, {Refit::none, Refit::all, Refit::continued},
                          "after the phases: the stages learn from all images, those held out too, and the rest "
                          "stays. all: trained anew; continue: the last third of their epochs again");
  options.add_numbers("epochs", settings.epochs.values, 0, 100000,
                      "epochs of pretraining: for all stages, or for each one by commas; without this flag more for "
                      "fewer than 50,000 images, see policy.md");
  options.add_enumeration("keep", settings.keep, {KeepEpoch::last, KeepEpoch::best},
                          "parameters that a stage keeps of its pretraining: of the last epoch, or of the one of the "
                          "best held-out accuracy");
  options.add_number("patience", settings.patience, 0, 100000,
                     "a stage's pretraining ends when its held-out accuracy has not got better for so many epochs; "
                     "0: never. It cuts the schedule off: with one-cycle the small learning rates never come");
  options.add_number("batch-size", settings.batch_size, 1, 65536,
                     "images in a step; without this flag fewer for less than 10,000 images, see policy.md");
  options.add_number("micro-batch", settings.micro_batch, 0, 65536,
                     "images of a step that are computed at once, their gradients summed; each micro-batch is "
                     "normalised by its own statistics. 0: all, or as many as fit into memory");
  options.add_numbers("learning-rate", settings.learning_rate.values, 0, 1000,
                      "largest learning rate of pretraining: for all stages, or for each one by commas");
  options.add_choice<Schedule>("schedule", settings.schedule,
                               {{"one-cycle", Schedule::one_cycle}, {"step", Schedule::step}},
                               "of the learning rate of pretraining");
  options.add_number("momentum", settings.momentum, 0, 1, "of SGD, of stages and policies");
  options.add_number("weight-decay", settings.weight_decay, 0, 10, "of SGD");
  options.add_choice<bool>("nesterov", settings.nesterov, {{"yes", true}, {"no", false}},
                           "Nesterov's form of momentum, in pretraining");
  options.add_number("label-smoothing", settings.label_smoothing, 0, 0.99,
                     "share of pretraining's target that goes to all classes alike");
  options.add_choice<bool>("augment", settings.augment, {{"yes", true}, {"no", false}},
                           "crop (zero-padded by 4) and mirror training images at random");
  options.add_enumeration("flip", settings.flip, {Flip::none, Flip::random, Flip::alternate},
                          "mirror images never, at random, or in every other epoch");
  options.add_numbers("cutout", settings.cutout.values, 0, 1024,
                      "side in pixels of a square at a random place that is set to the mean, in pretraining; 0: none. "
                      "For all stages, or for each one by commas");
  options.add_text(
      "teacher", settings.teacher, "MODEL[#k|#combined]",
      "pretraining also learns from the answers of stage k of this model, of its last stage, or of all its "
      "stages combined");
  options.add_numbers("teacher-weight", settings.teacher_weight.values, 0, 1,
                      "share of the loss that follows the teacher: for all stages, or for each one by commas; 0: the "
                      "labels alone");
  options.add_number("teacher-temperature", settings.teacher_temperature, 0, 1000,
                     "by which the answers of teacher and stage are softened; 0: 4 from 100 classes on, else 3");
  options.add_number("validation-share", settings.validation_share, 0, 0.9,
                     "share of the training images held out from the stages, for the policies");
  options.add_number("seed", settings.seed, "of everything random");
}

void add_policy_flags(Options& options, TrainSettings& settings) {
  options.add_number(
      "alpha", settings.learning.alpha, 0, 1e6,
      "price of the largest stage's MACs (see --cost) in error rate: larger stops more images early. Without "
      "this flag policies of several prices are trained, and the best way to run the cascade is chosen");
  options.add_enumeration("cost", settings.cost, {CostUnit::mac, CostUnit::ms, CostUnit::mj},
                          "what alpha is the price of: MACs, or each stage's time or energy measured on the device");
  add_policy_learning_flags(options, settings.learning);
  options.add_enumeration("joint-loss", settings.joint_loss,
                          {JointLoss::cross_entropy, JointLoss::own, JointLoss::reinforce},
                          "what stages learn from in the phase joint: the cross-entropy of the answers they give "
                          "together, or each of its own (a control), or the reward of a sampled exit (paper)");
  options.add_number("joint-epochs", settings.joint_epochs, 0, 100000,
                     "epochs of stages and policies together; with reinforce 2 unless given");
  options.add_numbers("joint-learning-rate", settings.joint_learning_rate.values, 0, 1000,
                      "largest learning rate in the phase joint: for all stages, or for each one by commas; with "
                      "reinforce 0.0001 unless given");
}

void set_phases(TrainSettings& settings, const std::string& phases) {
  settings.pretrain = settings.policy = settings.joint = false;
  for (const std::string& phase : split_words(phases)) {
    if (phase != "pretrain" && phase != "policy" && phase != "joint") {
      throw UsageError(fmt::format("--phases: '{}' is none of pretrain, policy, joint", phase));
    }
    (phase == "pretrain" ? settings.pretrain : phase == "policy" ? settings.policy : settings.joint) = true;
  }
}

// The paper's joint training wants other settings than ours.
void set_joint_defaults(TrainSettings& settings, const Options& options) {
  if (!settings.learns_as_in_the_paper()) return;
  if (options.given("reward-label") && settings.learning.reward_label == RewardLabel::argmax)
    throw UsageError(
        "--reward-label argmax: not with --joint-loss reinforce, whose stages learn from the labels drawn");
  settings.learning.reward_label = RewardLabel::sampled;
  if (!options.given("policy-input")) settings.learning.input = PolicyInput::sorted;
  if (!options.given("joint-epochs")) settings.joint_epochs = 2;
  if (!options.given("joint-learning-rate")) settings.joint_learning_rate = 1e-4;
}

[[noreturn]] void tell_how_to_resume(const Arguments& arguments, const std::string& checkpoint) {
  Arguments words = {"cascadecl", "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (std::ranges::find(arguments, "--resume") == arguments.end()) words.push_back("--resume");
  throw Error(fmt::format("stopped; the state is in {}; to go on: {}", checkpoint, shell_command(words)));
}

// Without --resume. A checkpoint of a training that has not come to its end is never replaced.
void check_nothing_interrupted(const std::string& checkpoint) {
  if (!std::filesystem::exists(checkpoint)) return;
  try {
    if (read_checkpoint(checkpoint).state.position == TrainState::Position::done) return;
  } catch (const FileError&) {
    return;  // it cannot be gone on from
  }
  throw UsageError(fmt::format(
      "{} holds a training that stopped before its end; --resume goes on with it, remove the file to begin a new one",
      checkpoint));
}

// Batch size and epochs where they were not given: the checkpoint's, or as many as the data want. The notes tell which,
// and what else there is to say of the data.
std::vector<std::string> suit_data(TrainSettings& settings, const Dataset& data, const Options& options,
                                   const std::optional<std::string>& resumed_settings) {
  std::vector<std::string> notes;
  const bool batch = !options.given("batch-size"), epochs = !options.given("epochs");
  if (resumed_settings) {
    const auto json = nlohmann::json::parse(*resumed_settings);
    const auto keep = [&](const nlohmann::json& value,
                          int& setting) {  // what is no such number differs, and is refused
      if (value.is_number_integer() && value >= 0 && value <= 100000) setting = value.get<int>();
    };
    if (batch) keep(json.value("batch_size", nlohmann::json()), settings.batch_size);
    if (!epochs) return notes;
    const nlohmann::json kept = json.value("epochs", nlohmann::json());
    settings.epochs.values.assign(kept.is_array() ? kept.size() : 1, settings.epochs.values.front());
    if (settings.epochs.values.empty()) settings.epochs = TrainingLength().epochs;
    for (std::size_t k = 0; k < settings.epochs.values.size(); ++k)
      keep(kept.is_array() ? (kept.empty() ? kept : kept[k]) : kept, settings.epochs.values[k]);
    return notes;
  }
  if (!settings.pretrain && settings.refit == Refit::none) return notes;
  const TrainingLength usual, length = training_length(data.size());
  if (batch) settings.batch_size = length.batch_size;
  if (epochs) settings.epochs = length.epochs;
  std::string chosen;
  if (batch && length.batch_size != usual.batch_size)
    chosen += fmt::format("batches of {} images (--batch-size)", length.batch_size);
  if (epochs && length.epochs != usual.epochs)
    chosen += fmt::format("{}{} epochs (--epochs)", chosen.empty() ? "" : ", ", length.epochs);
  if (!chosen.empty()) notes.push_back(fmt::format("for {} images: {}", grouped(data.size()), chosen));
  if (const auto told = uneven_classes(data); told && settings.class_weights.kind == ClassWeights::Kind::none)
    notes.push_back(*told);
  return notes;
}

ClassWeights class_weights(const std::string& flag, const DatasetHeader& header) {
  if (flag == "none") return {};
  if (flag == "balanced") return {ClassWeights::Kind::balanced};
  return read_class_weights(flag, header.label_names);
}

// Fails now rather than after the training if no threshold could be found then.
void check_budget(const BudgetQuestion& question, const Flags& flags, std::size_t stages, const Device& device) {
  if (stages < 2) throw UsageError("--target: a single stage has no threshold");
  if (flags.settings.validation_share <= 0)
    throw UsageError("--target: the threshold is found on held-out images; --validation-share must be above 0");
  if (question.policy == PolicyKind::ann)
    throw UsageError("--policy ann: cascadecl calibrate fits its exit functions, and takes a --target");
  if (!question.policy && !flags.settings.policy && !flags.settings.joint)
    throw UsageError("--target: the phases fit no frontier; add policy to --phases");
  if (question.target.unit == CostUnit::mj) require_meters(device, flags.meters.environment());
  flags.budget.check_test(flags.data);
}

// What a target is met with.
struct TargetSearch {
  const BudgetQuestion& question;
  const Flags& flags;
  const Device& device;
  const Dataset& dataset;
  bool quiet;
};

// Makes the target the model's decision, on held-out images. An error tells `left`, what the user has then.
nlohmann::ordered_json meet_target(const TargetSearch& search, Model& model, std::span<const std::int64_t> held_out,
                                   int batch_size, const std::string& left) {
  try {
    Progress progress("label probabilities", static_cast<std::int64_t>(held_out.size()), search.quiet);
    CascadeTable table = cascade_table(model, search.device, search.dataset, held_out, {.max_batch = batch_size},
                                       [&](std::int64_t done) { progress.update(done); });
    progress.wipe();
    return search.flags.budget.decide(search.question, model, table, search.device, search.dataset, search.flags.data,
                                      batch_size, search.flags.meters.environment());
  } catch (const MeasurementError& error) {
    throw MeasurementError(fmt::format("{}; {}", error.what(), left));
  } catch (const Error& error) {
    throw Error(fmt::format("{}; {}", error.what(), left));
  }
}

// Meets the target, if there is one, before the stages learn from the held-out images.
class RefitDisplay : public TrainDisplay {
 public:
  RefitDisplay(std::optional<TargetSearch> search, std::string checkpoint, bool quiet)
      : TrainDisplay(quiet, interrupted), search_(search), checkpoint_(std::move(checkpoint)) {}

  std::string before_refit(Model& model, std::span<const std::int64_t> held_out, int batch_size) override {
    if (!search_) return {};
    clear();
    return meet_target(
               *search_, model, held_out, batch_size,
               fmt::format("{} holds the model before its refit; --resume with another target goes on", checkpoint_))
        .dump();
  }

 private:
  std::optional<TargetSearch> search_;
  std::string checkpoint_;
};

// The decision of a trained model, whose file is written already: made now, or before the refit.
nlohmann::ordered_json decision_of(const TargetSearch& search, Model& model, int batch_size) {
  const Flags& flags = search.flags;
  if (flags.settings.refit == Refit::none) {
    auto decision = meet_target(search, model, held_out_images(model, search.dataset), batch_size,
                                fmt::format("{} holds the trained model without this target", flags.output));
    write_model(flags.output, model);
    return decision;
  }
  auto decision = nlohmann::ordered_json::parse(model.training)["before_refit"]["decision"];
  if (decision.is_null())
    throw Error(
        fmt::format("--target: the refit had begun without one, and no image is held out since; {} holds the "
                    "trained model without this target",
                    flags.output));
  flags.budget.judge_refit(decision, model, search.device, flags.data, batch_size);
  return decision;
}

void print_result(const Flags& flags, const Model& model, const std::string& device,
                  const nlohmann::ordered_json& decision, bool json) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  std::string names;
  for (std::size_t i = 0; i < model.stages.size(); ++i) {
    names += (i ? ", " : "") + model.stages[i].network.name();
    stages.push_back({{"network", model.stages[i].network.name()}, {"mmac", model.stage_macs(i) / 1e6}});
  }
  const std::vector<std::string> warnings = frontier_warnings(model);
  for (const std::string& warning : warnings) device_settings().warning(warning);
  if (!json) {
    return print(fmt::format("wrote {}: {}\ntrained on {}\n{}{}", flags.output, names, device, frontier_text(model),
                             decision.is_null() ? "" : decision_text(decision)));
  }
  const auto training = model.training.empty() ? nlohmann::ordered_json(nullptr)
                                               : nlohmann::ordered_json::parse(model.training, nullptr, false);
  print_json({{"model", flags.output},
              {"device", device},
              {"stages", stages},
              {"decision", decision},
              {"frontier", frontier_json(model)},
              {"warnings", warnings},
              {"training", training}});
}

}  // namespace

void run_train(const Arguments& arguments) {
  Flags flags;
  Options options(
      "train --data FILE[:split] --stages LIST -o MODEL [flags]",
      "Trains a cascade: pretrain (each stage alone), policy (stages frozen), joint (all together), and with\n"
      "--refit the stages once more, on all images.\n"
      "Ctrl-C stops after the step and writes the checkpoint; the same command with --resume goes on.");
  options.add_text("data", flags.data, "FILE[:split]", "dataset file; its split train unless one is named");
  options.add_text(
      "stages", flags.stages, "LIST",
      "networks from small to large, by commas: resnet-N, wrn-D-K, layer lists FILE.json, or MODEL#1: stage 1 "
      "of a model file, not pretrained again");
  options.add_output("output,o", flags.output, "MODEL", "the model file to write");
  options.add_text("from", flags.from, "MODEL", "start from this model's stages, instead of --stages");
  options.add_switch("new-head", flags.settings.new_head,
                     "with --from: fine-tune its stages to the classes of this data. The last layer is new, the others "
                     "learn more slowly; policies and all that was fitted are made anew");
  options.add_number("base-learning-rate-scale", flags.settings.base_learning_rate_scale, 0, 1,
                     "with --new-head: the share of the learning rate that the other layers get");
  options.add_text("phases", flags.phases, "LIST", "phases to run");
  flags.device.add_list_to(options, "stages are pretrained on all of them at once, the rest is done by the first");
  options.add_output("checkpoint", flags.checkpoint, "FILE",
                     "written after every epoch; without this flag it is MODEL.checkpoint, removed at the end");
  Precision precision = Precision::fp32;
  add_precision(options, precision);
  options.add_switch("resume", flags.resume, "go on from the checkpoint");
  options.begin_group("stages");
  add_stage_flags(options, flags.settings);
  options.add_text("class-weights", flags.class_weights, "none|balanced|FILE",
                   "how much images count in pretraining by their class: alike, all classes alike, or as the lines "
                   "NAME WEIGHT of a text file say");
  options.begin_group("policies");
  add_policy_flags(options, flags.settings);
  options.add_number("policy-seed", flags.policy_seed, "of policies and the joint phase; if not given that of --seed");
  options.begin_group("goal");
  flags.budget.add_to(options);
  options.begin_group("energy");
  flags.meters.add_to(options);
  options.add_example("train --data photos.h5 --stages resnet-8,resnet-20 -o cascade.h5",
                      "A cascade of two stages, half a point at most below the better one");
  options.add_example("train --data photos.h5 --stages resnet-8,resnet-20 -o cascade.h5 --target-mac 0.3",
                      "The most accurate one at 30 % of the larger stage's multiply-adds");
  options.add_example("train --config share/configs/cifar10.cfg --data cifar10.h5 -o cascade.h5",
                      "With flags from a file");
  if (!options.parse(arguments)) return print(options.help());
  options.require("data");
  options.require("output");
  refuse_fp16_training(precision);
  check_flags(options, {{flags.settings.cost != CostUnit::mj && !options.given("target-mj"), MeterFlags::names(),
                         "only with --cost mj or --target-mj"}});
  check_flags(options,
              {{flags.settings.teacher.empty(), {"teacher-weight", "teacher-temperature"}, "only with --teacher"}});
  check_flags(options, {{flags.from.empty(), {"new-head"}, "only with --from"},
                        {!flags.settings.new_head, {"base-learning-rate-scale"}, "only with --new-head"}});
  if (flags.stages.empty() == flags.from.empty()) throw UsageError("give either --stages or --from");
  set_phases(flags.settings, flags.phases);
  check_flags(options, {{!flags.settings.pretrain && flags.settings.refit == Refit::none,
                         {"teacher"},
                         "only with the phase pretrain or --refit"},
                        {!flags.settings.pretrain, {"new-head"}, "only with the phase pretrain"}});
  set_joint_defaults(flags.settings, options);
  if (options.given("policy-seed")) flags.settings.policy_seed = flags.policy_seed;
  const std::string checkpoint = flags.checkpoint.empty() ? flags.output + ".checkpoint" : flags.checkpoint;

  std::shared_ptr<const Dataset> dataset = open_data(flags.data, "train");
  std::optional<Model> initial;
  if (!flags.from.empty()) {
    initial = read_model(flags.from);
    for (const Stage& stage : initial->stages) flags.settings.stages.push_back(stage.network.name());
  } else {
    flags.settings.stages = split_words(flags.stages);
  }
  DatasetOfModel seen = training_data(flags.settings, dataset, checkpoint, flags.resume, initial);
  for (const std::string& change : seen.notes) note(change, options.quiet());
  dataset = std::move(seen.dataset);
  flags.settings.class_weights = class_weights(flags.class_weights, dataset->header());
  std::optional<std::string> resumed_settings;
  if (flags.resume) resumed_settings = read_checkpoint(checkpoint).settings;
  std::optional<BudgetQuestion> question = flags.budget.question();
  if (options.given("alpha")) {  // for this policy, not for the best of many
    flags.settings.frontier = false;
    if (question && !question->policy) question->policy = PolicyKind::learned;
  }
  const OutputLock output_lock(flags.output), checkpoint_lock(checkpoint);
  if (!flags.resume) check_nothing_interrupted(checkpoint);
  check_writable(flags.output);
  check_writable(checkpoint);
  const std::vector<std::string> notes = suit_data(flags.settings, *dataset, options, resumed_settings);
  const std::vector<Device> devices = flags.device.open_all();
  const Device& device = devices.front();
  if (question) check_budget(*question, flags, flags.settings.stages.size(), device);

  const InterruptGuard guard;
  std::optional<TargetSearch> search;
  if (question) search.emplace(TargetSearch{*question, flags, device, *dataset, options.quiet()});
  RefitDisplay display(search, checkpoint, options.quiet());
  display.begin_with(notes);
  const TrainResult result =
      train(flags.settings, *dataset, devices, display, checkpoint, flags.resume, initial, flags.meters.environment());
  display.clear();
  if (!result.complete) tell_how_to_resume(arguments, checkpoint);
  write_model(flags.output, result.model);
  if (flags.checkpoint.empty()) std::filesystem::remove(checkpoint);
  nlohmann::ordered_json decision;
  Model model = result.model;
  if (search) decision = decision_of(*search, model, result.batch_size);
  print_result(flags, model, device_names(devices), decision, options.json());
}

}  // namespace cascadecl
