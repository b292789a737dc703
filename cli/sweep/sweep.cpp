#include "trainer/sweep.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/fitting_images.h"
#include "cli/flag_rules.h"
#include "cli/lists.h"
#include "cli/meter_flags.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/output_lock.h"
#include "cli/policy_learning_flags.h"
#include "cli/progress.h"
#include "cli/sweep/sweep_file.h"
#include "cli/version.h"
#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/calibration.h"
#include "runtime/study/answers/reliability.h"
#include "runtime/study/answers/table_file.h"
#include "runtime/study/tradeoff/budget.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Flags {
  std::string model, data, held_out, output, csv, markdown;
  std::string alphas = "0.003,0.01,0.03,0.05,0.07,0.1,0.15,0.2,0.3";
  std::string policies =
      "learned,ann,static,confidence,margin,entropy,combined-confidence,combined-margin,combined-entropy,agreement,"
      "random,oracle";
  std::string joint_losses = "cross-entropy,own,reinforce";
  std::string combines = "fitted,reweight,last";
  DeviceFlags device;
  MeterFlags meters;
  int batch_size = 128;
  bool no_reuse = false, joint = false;
  SweepSettings sweep;
};

void add_flags(Options& options, Flags& flags) {
  options.add_positional("MODEL", flags.model);
  options.add_text("data", flags.data, "FILE[:split]", "dataset file; policies are judged on its split test");
  options.add_text("held-out", flags.held_out, "SPLIT",
                   "fit policies and choose thresholds on all images of this split of the file, instead of the images "
                   "that the model's training held out");
  options.add_output("output,o", flags.output, "OUT.json", "the result; an interrupted sweep goes on from it");
  options.add_output("csv", flags.csv, "FILE", "write the points as CSV too");
  options.add_output("markdown", flags.markdown, "FILE", "write the points as a Markdown table too");
  options.add_text("alpha", flags.alphas, "LIST", "prices of MACs for learned and ann");
  options.add_number("seeds", flags.sweep.seeds, 0, 1000, "number of seeds that learned and ann are fitted with");
  options.add_number("seed", flags.sweep.first_seed, "the first of these seeds");
  options.add_text(
      "policy", flags.policies, "LIST",
      "learned, ann, static, confidence, margin, entropy, the same three as combined-confidence and so on, "
      "agreement, random, oracle");
  options.add_text("combine", flags.combines, "LIST", "answers: reweight, last, fitted");
  options.add_number("thresholds", flags.sweep.thresholds, 0, 10000,
                     "number of thresholds of each policy that has one");
  flags.device.add_to(options, false);
  flags.meters.add_to(options);
  options.add_number("batch-size", flags.batch_size, 1, 65536, "images that a stage runs at once");
  options.add_switch("no-reuse", flags.no_reuse, "run the stages anew for each point, to measure what reuse saves");
  options.add_switch("joint", flags.joint,
                     "for each alpha and seed also train stages and policies together, from the model's stages");
  options.add_text("joint-loss", flags.joint_losses, "LIST",
                   "what the stages learn from, see train: cross-entropy, own (the control: trained on for as long), "
                   "reinforce");
  options.add_number("joint-epochs", flags.sweep.joint_epochs, 1, 100000, "epochs of stages and policies together");
  options.add_numbers("joint-learning-rate", flags.sweep.joint_learning_rate.values, 0, 1000,
                      "largest learning rate of the stages, for all or for each one by commas");
  options.add_number("reinforce-learning-rate", flags.sweep.reinforce_learning_rate, 0, 1000,
                     "the same under reinforce");
  add_policy_learning_flags(options, flags.sweep.learning);
}

void parse_lists(Flags& flags) {
  flags.sweep.alphas = parse_numbers("alpha", flags.alphas, 0, 1e6);
  try {
    for (const std::string& word : split_words(flags.policies)) flags.sweep.policies.push_back(parse_policy_kind(word));
    for (const std::string& word : split_words(flags.combines)) flags.sweep.combines.push_back(parse_combine(word));
    if (flags.joint)
      for (const std::string& word : split_words(flags.joint_losses))
        flags.sweep.joint.push_back(parse_joint_loss(word));
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--policy, --combine and --joint-loss: {}", error.what()));
  }
}

// All that the points depend on.
std::string settings_json(const Flags& flags, const Model& model, const std::string& fitting_key,
                          const std::string& test_key, const std::string& device) {
  const PolicyLearning& learning = flags.sweep.learning;
  ordered_json json = {{"model", fingerprint(model)},
                       {"fitted_on", fitting_key},
                       {"judged_on", test_key},
                       {"device", device},
                       {"alpha", flags.sweep.alphas},
                       {"seeds", flags.sweep.seeds},
                       {"seed", flags.sweep.first_seed},
                       {"policy", flags.policies},
                       {"combine", flags.combines},
                       {"thresholds", flags.sweep.thresholds},
                       {"policy_epochs", learning.epochs},
                       {"policy_learning_rate", learning.learning_rate},
                       {"policy_input", to_string(learning.input)},
                       {"policy_hidden", learning.hidden},
                       {"estimator", to_string(learning.estimator)},
                       {"reward_label", to_string(learning.reward_label)},
                       {"entropy", learning.entropy},
                       {"top_k", learning.top_k}};
  const PolicyLearning initial;  // files from before these were flags do not tell them
  if (learning.baseline != initial.baseline) json["baseline"] = to_string(learning.baseline);
  if (learning.cost_through != initial.cost_through) json["cost_through"] = to_string(learning.cost_through);
  if (flags.joint) {
    json["joint_loss"] = flags.joint_losses;
    json["joint_epochs"] = flags.sweep.joint_epochs;
    json["joint_learning_rate"] = flags.sweep.joint_learning_rate.values;
    json["reinforce_learning_rate"] = flags.sweep.reinforce_learning_rate;
  }
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);  // names of files may be no UTF-8
}

// What the sweep looks at, and how it gets at the stages' label probabilities.
class Source {
 public:
  Source(const Flags& flags, const Model& model, const Device& device, bool quiet)
      : flags_(flags), model_(model), device_(device), quiet_(quiet) {
    const DataSpec spec = parse_data_spec(flags.data);
    const std::string fitting = spec.file.string() + (flags.held_out.empty() ? "" : ":" + flags.held_out);
    fitting_ = fitting_images(model, fitting, quiet);
    test_ = open_data(flags.data, "test", model, quiet);
    fitting_key_ = fmt::format("{}, {}", data_key(fitting, "train"), fitting_.description());
    test_key_ = data_key(flags.data, "test");
    if (data_name(flags.data, "test") == data_name(fitting, "train"))
      throw UsageError("--data: policies would be judged on the images that they are fitted on; name another split");
  }

  // Reads them from the cache beside the output, or runs the stages and writes it.
  SweepTables cached() {
    const std::string path = flags_.output + ".probabilities.h5";
    const std::string key = fmt::format("{}; {}; {}; {}{}", fingerprint(model_), fitting_key_, test_key_, device_name(),
                                        features() ? "; features" : "");
    if (auto tables = read_tables(path, key, 2)) return {std::move((*tables)[0]), std::move((*tables)[1])};
    SweepTables tables = computed();
    write_tables(path, key, {tables.held_out, tables.test});
    return tables;
  }

  SweepTables computed() {
    return {run(*fitting_.dataset, fitting_.indices, "held-out images"),
            run(*test_, all_indices(test_->size()), "test images")};
  }

  const Dataset& test() const { return *test_; }
  const Dataset& fitting() const { return *fitting_.dataset; }
  const std::string& fitting_key() const { return fitting_key_; }
  const std::string& test_key() const { return test_key_; }
  std::string device_name() const { return device_.info().name; }

 private:
  bool features() const { return flags_.sweep.learning.input == PolicyInput::features; }

  CascadeTable run(const Dataset& dataset, const std::vector<std::int64_t>& indices, const std::string& what) {
    Progress progress(what, static_cast<std::int64_t>(indices.size()), quiet_);
    Model stages = model_;
    stages.policies.clear();
    stages.exit_functions.clear();
    return cascade_table(
        stages, device_, dataset, indices, {.max_batch = flags_.batch_size},
        [&](std::int64_t done) { progress.update(done); }, features());
  }

  const Flags& flags_;
  const Model& model_;
  Device device_;
  bool quiet_;
  FittingImages fitting_;
  std::shared_ptr<const Dataset> test_;
  std::string fitting_key_, test_key_;
};

Sweep fresh_sweep(const Flags& flags, const Arguments& arguments, const Model& model, const Source& source) {
  std::string command = "cascadecl sweep";
  for (const std::string& argument : arguments) command += " " + argument;
  return {.created_by = fmt::format("cascadecl {}", version),
          .command = command,
          .model = flags.model,
          .data = data_name(flags.data, "test"),
          .device = source.device_name(),
          .images = source.test().size(),
          .settings = settings_json(flags, model, source.fitting_key(), source.test_key(), source.device_name())};
}

std::vector<SweepStage> stages_of(const Model& model, const CascadeTable& test, const StageCosts& ms,
                                  const StageEnergies& mj) {
  std::vector<SweepStage> stages;
  const std::size_t row = test.images() * test.probabilities.classes;
  for (std::size_t k = 0; k < test.stages(); ++k) {
    const Simulation alone = simulate_static(test, k);
    const auto rows = std::span<const float>(test.probabilities.values).subspan(k * row, row);
    stages.push_back({.network = model.stages[k].network.name(),
                      .mmac = test.network_mmac[k],
                      .top1 = alone.top1,
                      .top5 = alone.top5,
                      .ece = reliability(rows, test.labels).expected_calibration_error,
                      .temperature = model.temperatures.empty() ? 1.0 : model.temperatures[k],
                      .ms_per_image = ms.stages[k],
                      .mj_per_image = mj.costs ? std::optional(mj.costs->stages[k]) : std::nullopt});
  }
  return stages;
}

// The costs of a sweep's stages; none if one is unknown.
std::optional<StageCosts> costs_in(const Sweep& sweep, std::optional<double> SweepStage::*cost) {
  StageCosts costs;
  for (const SweepStage& stage : sweep.stages) {
    if (!(stage.*cost)) return std::nullopt;
    costs.stages.push_back(*(stage.*cost));
  }
  return costs;
}

void measure_stages(const Flags& flags, const Model& model, const Device& device, const Source& source,
                    const CascadeTable& test, SweepFile& file) {
  constexpr std::int64_t kImages = 1024;
  const std::vector<std::uint8_t> images = first_images(source.test(), kImages);
  const ExecutorSettings settings{.max_batch = flags.batch_size};
  const StageCosts ms = stage_times_ms(model, device, images, 3, settings);
  const StageEnergies mj = stage_energies_mj(model, device, images, settings, flags.meters.environment());
  file.set_stages(stages_of(model, test, ms, mj), mj.reason);
}

SweepPoint sweep_point(const TaskPoint& found, std::optional<double> ms_per_image, std::optional<double> mj_per_image) {
  const Simulation& simulation = found.simulation;
  return {.policy = std::string(to_string(found.task.policy)),
          .parameter = found.parameter,
          .alpha = found.task.alpha,
          .seed = found.task.seed,
          .joint_loss = found.task.joint ? std::string(to_string(*found.task.joint)) : "",
          .combine = std::string(to_string(found.combine)),
          .top1 = simulation.top1,
          .mmac_per_image = simulation.mmac_per_image,
          .mac_fraction = simulation.mac_fraction,
          .top5 = simulation.top5,
          .ms_per_image = ms_per_image,
          .mj_per_image = mj_per_image,
          .stopped = simulation.stopped};
}

std::string describe(const SweepTask& task) {
  std::string text = task.joint ? fmt::format("joint {} ", to_string(*task.joint)) : "";
  text += to_string(task.policy);
  if (task.alpha) text += fmt::format(" alpha {:g}", *task.alpha);
  if (task.seed) text += fmt::format(" seed {}", *task.seed);
  return task.alpha ? text : text + fmt::format(" {}", task.index);
}

std::string to_text(const Sweep& sweep) {
  Table table({"<policy", "parameter", "alpha", "seed", "<combine", "top-1", "MMAC", "of largest", "ms"});
  for (const SweepPoint& point : sweep.points)
    table.add_row({point.policy + (point.joint_loss.empty() ? "" : ", joint " + point.joint_loss),
                   decimal(point.parameter, 4), decimal(point.alpha, 4), point.seed ? std::to_string(*point.seed) : "-",
                   point.combine, percent(point.top1), decimal(point.mmac_per_image, 2), percent(point.mac_fraction, 1),
                   decimal(point.ms_per_image, 4)});
  return table.text();
}

// A line for each epoch of a joint training's stages.
class EpochNotes : public TrainObserver {
 public:
  explicit EpochNotes(bool quiet) : quiet_(quiet) {}
  void on_epoch(const EpochRecord& epoch) override {
    if (epoch.phase == "joint")
      note(fmt::format("joint epoch {}: loss {:.4f}, {}", epoch.epoch, epoch.loss, clock_text(epoch.seconds)), quiet_);
  }

 private:
  bool quiet_;
};

void run_tasks(const std::vector<SweepTask>& tasks, const Flags& flags, const Model& model, const Device& device,
               Source& source, SweepFile& file, bool quiet) {
  const Clock::time_point begin = Clock::now();
  SweepTables tables = flags.no_reuse ? source.computed() : source.cached();
  if (file.sweep().stages.empty()) measure_stages(flags, model, device, source, tables.test, file);
  const auto ms = costs_in(file.sweep(), &SweepStage::ms_per_image),
             mj = costs_in(file.sweep(), &SweepStage::mj_per_image);
  const CombinationWeights weights = fit_combination(tables.held_out.probabilities, tables.held_out.labels);
  const auto combine = [&] { tables.held_out.combination = tables.test.combination = weights; };
  combine();
  Clock::time_point start = begin;
  const std::size_t first = file.tasks_done();
  EpochNotes observer(quiet);
  for (std::size_t i = first; i < tasks.size(); ++i) {
    if (flags.no_reuse && i > first) {
      tables = source.computed();
      combine();
    }
    std::vector<SweepPoint> points;
    const std::vector<TaskPoint> found =
        tasks[i].joint ? run_joint_task(tasks[i], flags.sweep,
                                        {model, source.fitting(), source.test(), flags.batch_size}, device, observer)
                       : run_task(tasks[i], flags.sweep, device, tables);
    for (const TaskPoint& point : found) {
      const auto cost = [&](const std::optional<StageCosts>& costs) {
        return costs ? std::optional(tasks[i].policy == PolicyKind::fixed
                                         ? costs->stages[static_cast<std::size_t>(tasks[i].index)]
                                         : mean_cost(*costs, point.simulation.stopped, false))
                     : std::nullopt;
      };
      points.push_back(sweep_point(point, cost(ms), cost(mj)));
    }
    file.add(points, seconds_since(start));
    start = Clock::now();
    note(fmt::format("{}/{} {}, {}", i + 1, tasks.size(), describe(tasks[i]), clock_text(seconds_since(begin))), quiet);
  }
}

}  // namespace

void run_sweep(const Arguments& arguments) {
  Flags flags;
  Options options(
      "sweep MODEL --data FILE[:split] -o OUT.json [flags]",
      "Measures accuracy and cost of many policies on the same frozen stages, and with --joint also on stages\n"
      "trained together with them. The stages' label probabilities are computed once and kept beside OUT.json.\n"
      "Policies are fitted on held-out images and judged on test images. The same command goes on with an\n"
      "interrupted sweep.");
  add_flags(options, flags);
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");
  options.require("output");
  parse_lists(flags);
  check_flags(
      options,
      {{!flags.joint,
        {"joint-loss", "joint-epochs", "joint-learning-rate", "reinforce-learning-rate"},
        "only with --joint"},
       {flags.joint, {"held-out"}, "not with --joint, which holds out the images that the model's training did"}});
  const OutputLock lock(flags.output);
  check_writable(flags.csv);
  check_writable(flags.markdown);
  const Model model = read_model(flags.model);
  if (model.stages.size() < 2) throw UsageError("sweep: a single stage has nothing to decide");
  const std::vector<SweepTask> tasks = sweep_tasks(flags.sweep, model.stages.size());
  const Device device = flags.device.open();
  Source source(flags, model, device, options.quiet());
  SweepFile file(flags.output, fresh_sweep(flags, arguments, model, source), model.stages.size());
  if (file.tasks_done() < tasks.size()) run_tasks(tasks, flags, model, device, source, file, options.quiet());
  write_file(flags.csv, sweep_csv(file.sweep()));
  write_file(flags.markdown, sweep_markdown(file.sweep()));
  print(options.json() ? to_json(file.sweep()) : to_text(file.sweep()));
}

}  // namespace cascadecl
