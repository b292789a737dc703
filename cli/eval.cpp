#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/frontier_text.h"
#include "cli/open_data.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/precision.h"
#include "runtime/study/answers/accuracy_matrix.h"
#include "runtime/study/runs/evaluation.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// From the start of the command until the first batch runs.
struct Setup {
  double ms = 0;
  ProgramCounts programs;
};

ProgramCounts program_counts(const std::vector<Device>& devices) {
  ProgramCounts sum;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto same = [&](const Device& d) { return d.same_as(devices[i]); };
    const auto end = devices.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(devices.begin(), end, same) != end) continue;
    sum.built += devices[i].program_counts().built;
    sum.from_cache += devices[i].program_counts().from_cache;
  }
  return sum;
}

ordered_json stages_json(const Evaluation& result) {
  ordered_json list = ordered_json::array();
  for (const StageEvaluation& stage : result.stages) {
    list.push_back({{"network", stage.network},
                    {"mmac", stage.mmac},
                    {"entered", stage.entered},
                    {"stopped", stage.stopped},
                    {"top1_of_stopped", number_or_null(stage.top1_of_stopped)},
                    {"ms_per_image", number_or_null(stage.ms_per_image)},
                    {"time_ms", stage.seconds * 1e3},
                    {"policy_ms", stage.policy_seconds * 1e3},
                    {"compaction_ms", stage.deciding_seconds * 1e3},
                    {"device", stage.device}});
  }
  return list;
}

ordered_json static_json(const Evaluation& result) {
  ordered_json list = ordered_json::array();
  for (const StaticEvaluation& stage : result.static_stages) {
    list.push_back({{"network", stage.network},
                    {"top1", stage.top1},
                    {"top5", number_or_null(stage.top5)},
                    {"ece", stage.ece},
                    {"mmac", stage.mmac},
                    {"images_per_s", stage.images_per_s},
                    {"device", stage.device}});
  }
  return list;
}

ordered_json classes_json(const Evaluation& result, const Model& model) {
  ordered_json list = ordered_json::array();
  for (std::size_t j = 0; j < result.classes.size(); ++j) {
    const ClassEvaluation& of = result.classes[j];
    list.push_back({{"label", j},
                    {"name", model.label_name(j)},
                    {"images", of.images},
                    {"top1", number_or_null(of.top1)},
                    {"mmac_per_image", number_or_null(of.mmac_per_image)}});
  }
  return list;
}

std::string classes_text(const Evaluation& result, const Model& model) {
  Table table({"class", "<name", "images", "top-1", "MMAC"});
  for (std::size_t j = 0; j < result.classes.size(); ++j) {
    const ClassEvaluation& of = result.classes[j];
    table.add_row(
        {std::to_string(j), model.label_name(j), grouped(of.images), percent(of.top1), decimal(of.mmac_per_image, 2)});
  }
  const std::size_t worst = worst_class(result);
  return fmt::format("\n{}worst class: {}, {}\n", table.text(), model.label_name(worst),
                     percent(result.classes[worst].top1));
}

// Where a stage is at least as right as all stages before it on the images that left at it (paper, section 5).
bool diagonal_holds(const AccuracyMatrix& matrix, std::size_t exit) {
  const auto& row = matrix.top1[exit];
  return std::all_of(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(exit),
                     [&](const auto& earlier) { return !row[exit] || *row[exit] >= *earlier; });
}

ordered_json matrix_json(const AccuracyMatrix& matrix) {
  ordered_json exits = ordered_json::array();
  bool all = true;
  for (std::size_t exit = 0; exit < matrix.images.size(); ++exit) {
    ordered_json row = ordered_json::array();
    for (const auto& top1 : matrix.top1[exit]) row.push_back(number_or_null(top1));
    const bool holds = diagonal_holds(matrix, exit);
    exits.push_back({{"images", matrix.images[exit]}, {"top1", row}, {"diagonal_at_least_earlier", holds}});
    all = all && holds;
  }
  return {{"exits", exits}, {"top1_of_all", matrix.top1_of_all}, {"diagonal_at_least_earlier", all}};
}

std::string matrix_text(const AccuracyMatrix& matrix, const Evaluation& result) {
  std::vector<std::string> head = {"<left at", "images"};
  for (const StageEvaluation& stage : result.stages) head.push_back(stage.network);
  head.emplace_back("<its own stage");
  Table table(head);
  for (std::size_t exit = 0; exit < matrix.images.size(); ++exit) {
    std::vector<std::string> row = {fmt::format("{} {}", exit, result.stages[exit].network),
                                    grouped(matrix.images[exit])};
    for (const auto& top1 : matrix.top1[exit]) row.push_back(percent(top1));
    const bool compared = exit > 0 && matrix.images[exit] > 0;
    row.emplace_back(!compared                      ? "-"
                     : diagonal_holds(matrix, exit) ? "at least as right as all before it"
                                                    : "less right than one before it");
    table.add_row(row);
  }
  return "\ntop-1 of each stage on the images that left at each stage\n" + table.text();
}

// Unknown where it was not compared.
ordered_json precision_json(const Evaluation& result, Precision precision) {
  ordered_json json = {{"storage", precision == Precision::fp16 ? "fp16" : "fp32"},
                       {"arithmetic", "fp32"},
                       {"top1_fp32", nullptr},
                       {"top1_change", nullptr},
                       {"exits_changed", nullptr},
                       {"largest_probability_difference", nullptr}};
  if (const auto& change = result.precision_change) {
    json["top1_fp32"] = change->top1_fp32;
    json["top1_change"] = change->top1_change;
    json["exits_changed"] = change->exits_changed;
    json["largest_probability_difference"] = change->largest_probability_difference;
  }
  return json;
}

std::string precision_text(const Evaluation& result, Precision precision) {
  std::string text(to_string(precision));
  if (const auto& change = result.precision_change) {
    text += fmt::format(
        ": top-1 {:+.2f} points against {} in fp32, {} images stop elsewhere, probabilities differ by {:.2g}",
        100 * change->top1_change, percent(change->top1_fp32), grouped(change->exits_changed),
        change->largest_probability_difference);
  }
  return text;
}

ordered_json to_json(const Evaluation& result, const ChosenCascade& cascade, const std::vector<Device>& devices,
                     const Setup& setup, const std::optional<AccuracyMatrix>& matrix) {
  ordered_json json = {{"images", result.images},
                       {"top1", result.top1},
                       {"top5", number_or_null(result.top5)},
                       {"mmac_per_image", result.mmac_per_image},
                       {"mac_fraction", result.mac_fraction},
                       {"images_per_s", result.images_per_s},
                       {"ms_per_image", result.seconds * 1e3 / static_cast<double>(result.images)},
                       {"setup_ms", setup.ms},
                       {"programs_built", setup.programs.built},
                       {"programs_from_cache", setup.programs.from_cache},
                       {"batch_size", cascade.settings.max_batch},
                       {"device", device_names(devices)},
                       {"kernel_class", kernel_class_names(devices)},
                       {"precision", precision_json(result, cascade.settings.precision)},
                       {"policy", policy_json(cascade)},
                       {"predicted_saving", result.predicted_saving},
                       {"measured_saving", number_or_null(result.measured_saving)},
                       {"saving_ratio", number_or_null(result.saving_ratio())},
                       {"stages", stages_json(result)}};
  json.update(pipeline_json(result.pipeline));
  if (!result.static_stages.empty()) json["static"] = static_json(result);
  if (matrix) json["accuracy_matrix"] = matrix_json(*matrix);
  if (!result.classes.empty()) {
    json["classes"] = classes_json(result, cascade.model);
    json["worst_class"] = json["classes"][worst_class(result)];
  }
  return json;
}

std::string to_text(const Evaluation& result, const ChosenCascade& cascade, const std::vector<Device>& devices) {
  std::string text = fmt::format(
      "images          {}\ntop-1           {}\ntop-5           {}\ncost            {:.2f} MMAC an image, {} of the "
      "largest stage alone\nspeed           {:.1f} images/s\ndevice          {}, kernel class {}\nprecision       "
      "{}\ndecision        {}\n\n",
      grouped(result.images), percent(result.top1), percent(result.top5), result.mmac_per_image,
      percent(result.mac_fraction, 1), result.images_per_s, device_names(devices), kernel_class_names(devices),
      precision_text(result, cascade.settings.precision), policy_text(cascade));
  Table stages({"stage", "<network", "MMAC", "entered", "stopped", "top-1 of stopped", "ms/image", "time", "of policy",
                "of deciding", "<device"});
  const auto share = [&](double seconds) { return percent(seconds / result.seconds, 1); };
  for (std::size_t i = 0; i < result.stages.size(); ++i) {
    const StageEvaluation& stage = result.stages[i];
    stages.add_row({std::to_string(i), stage.network, decimal(stage.mmac, 2), grouped(stage.entered),
                    grouped(stage.stopped), percent(stage.top1_of_stopped), decimal(stage.ms_per_image, 3),
                    share(stage.seconds), share(stage.policy_seconds), share(stage.deciding_seconds), stage.device});
  }
  text += stages.text() + failures_text(result.pipeline);
  if (result.static_stages.empty()) return text;

  Table statics({"alone", "<network", "MMAC", "top-1", "images/s", "<device"});
  for (std::size_t i = 0; i < result.static_stages.size(); ++i) {
    const StaticEvaluation& stage = result.static_stages[i];
    statics.add_row({std::to_string(i), stage.network, decimal(stage.mmac, 2), percent(stage.top1),
                     decimal(stage.images_per_s, 1), stage.device});
  }
  return text + "\n" + statics.text() +
         fmt::format(
             "\nsaved against the largest stage alone: {} of the MACs (predicted), {} of the time (measured), "
             "ratio {}\n",
             percent(result.predicted_saving, 1), percent(result.measured_saving, 1),
             decimal(result.saving_ratio(), 2));
}

}  // namespace

void run_eval(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  std::string model_path, data;
  CascadeFlags flags;
  bool static_control = false, per_class = false, with_matrix = false, no_compare = false;
  Options options("eval MODEL --data FILE[:split] [flags]",
                  "Measures accuracy, cost and speed of a model on a dataset (its split test unless one is named).\n"
                  "Speed counts upload, all stages and read-back, not the reading of the file.");
  options.add_positional("MODEL", model_path);
  options.add_text("data", data, "FILE[:split]", "dataset file");
  flags.add_to(options, CascadeUse::trace);
  options.add_switch("static", static_control, "also run each stage alone on all images, as control");
  options.add_switch("matrix", with_matrix,
                     "also the accuracy of each stage on the images that left at each stage; runs all stages on all "
                     "images, as --static");
  options.add_switch("per-class", per_class, "also accuracy and cost of each class, and the worst one");
  options.add_switch("no-compare", no_compare,
                     "do not run the images in fp32 as well, which --precision fp16 does to tell what it changes");
  options.add_example("eval cascade.h5 --data photos.h5 --static", "The cascade, and each stage alone");
  options.add_example("eval cascade.h5 --data photos.h5 --target-ms 2",
                      "At the most accurate point within 2 ms an image");
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");
  static_control = static_control || with_matrix;

  check_flags(options, {{flags.precision() == Precision::fp32,
                         {"no-compare"},
                         "only with --precision fp16, which is compared with fp32"}});
  flags.check();
  ChosenCascade cascade = flags.choose(read_model(model_path));
  const Model& model = cascade.model;
  const auto dataset = open_data(data, "test", model, options.quiet());
  cascade.settings.time_stages = true;
  const bool compare_precision = cascade.settings.precision != Precision::fp32 && !no_compare;
  const std::vector<Device> devices = flags.place(cascade, *dataset, options.quiet());
  cascade.settings.max_batch = fitting_batch(model, devices, cascade.settings, static_control, compare_precision);
  EvaluationSettings settings{.executor = cascade.settings,
                              .static_control = static_control,
                              .largest_mmac = cascade.largest_mmac,
                              .per_class = per_class,
                              .compare_precision = compare_precision};
  Progress progress("evaluating", dataset->size(), options.quiet());
  Setup setup;
  settings.progress = [&](std::int64_t done) {
    if (done == 0) {
      setup.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
      setup.programs = program_counts(devices);
    }
    progress.update(done);
  };
  const Evaluation result = evaluate(model, devices, *dataset, settings);
  progress.wipe();
  const std::vector<std::string> warnings = evaluation_warnings(result, cascade);
  for (const std::string& warning : warnings) device_settings().warning(warning);
  std::optional<AccuracyMatrix> matrix;
  if (with_matrix) matrix = accuracy_matrix(result.alone, result.exit_stage, dataset->labels());
  if (options.json()) {
    nlohmann::ordered_json json = to_json(result, cascade, devices, setup, matrix);
    json["warnings"] = warnings;
    print_json(json);
  } else {
    print(to_text(result, cascade, devices));
    if (matrix) print(matrix_text(*matrix, result));
    if (!result.classes.empty()) print(classes_text(result, model));
  }
  flags.write_trace(cascade.settings);
}

}  // namespace cascadecl
