#include "runtime/study/runs/evaluation.h"

#include <algorithm>

#include "data/loader.h"
#include "runtime/study/answers/calibration.h"
#include "runtime/study/answers/label_probabilities.h"
#include "runtime/study/runs/control.h"

namespace cascadecl {
namespace {

// Sums over the dataset while it is read.
struct StageSums {
  StageCounts counts;
  std::int64_t correct = 0;
};

struct StaticRun {
  StageControl control;
  AccuracyCount accuracy;
  double seconds = 0;
  std::vector<float> answers = {};  // [images][classes], for the calibration error
};

// Sums over the images of a class.
struct ClassSums {
  std::int64_t images = 0, correct = 0;
  double mmac = 0;
};

void add_classes(const Model& model, const CascadeResult& result, std::span<const std::int32_t> labels,
                 std::vector<ClassSums>& sums) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ClassSums& of = sums[static_cast<std::size_t>(labels[i])];
    ++of.images;
    of.correct += result.label(static_cast<std::int64_t>(i)) == labels[i];
    of.mmac += model.macs_through(result.exit_stage[i]) / 1e6;
  }
}

ClassEvaluation class_evaluation(const ClassSums& sums) {
  if (sums.images == 0) return {};
  const auto n = static_cast<double>(sums.images);
  return {sums.images, static_cast<double>(sums.correct) / n, sums.mmac / n};
}

void add_stages(const CascadeResult& result, std::span<const std::int32_t> labels, std::vector<StageSums>& sums) {
  for (std::size_t k = 0; k < sums.size(); ++k) {
    sums[k].counts += result.stages[k];
  }
  const auto classes = static_cast<std::size_t>(result.classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto answer = std::span<const float>(result.answer).subspan(i * classes, classes);
    if (rank_of(answer, labels[i]) == 0) ++sums[static_cast<std::size_t>(result.exit_stage[i])].correct;
  }
}

StageEvaluation stage_evaluation(const Model& model, const Device& device, std::size_t k, const StageCounts& counts,
                                 std::int64_t correct, bool timed) {
  StageEvaluation stage{.network = model.stages[k].network.name(),
                        .device = device.info().name,
                        .mmac = model.stage_macs(k) / 1e6,
                        .entered = counts.entered,
                        .stopped = counts.stopped,
                        .seconds = counts.seconds,
                        .policy_seconds = counts.policy_seconds,
                        .compaction_seconds = counts.compaction_seconds};
  if (counts.stopped > 0) stage.top1_of_stopped = static_cast<double>(correct) / static_cast<double>(counts.stopped);
  if (timed && counts.entered > 0) stage.ms_per_image = counts.seconds * 1e3 / static_cast<double>(counts.entered);
  return stage;
}

std::size_t largest_stage(const Model& model) {
  const auto smaller = [](const Stage& a, const Stage& b) { return a.network.macs() < b.network.macs(); };
  return static_cast<std::size_t>(std::max_element(model.stages.begin(), model.stages.end(), smaller) -
                                  model.stages.begin());
}

double network_mmac(const Model& model, std::size_t k) {
  return static_cast<double>(model.stages[k].network.macs()) / 1e6;
}

std::vector<StaticRun> static_runs(const Model& model, const ExecutorSettings& settings, CascadeExecutor& cascade) {
  std::vector<StaticRun> runs;
  for (std::size_t k = 0; k < model.stages.size(); ++k)
    runs.push_back({StageControl(model, k, settings, cascade), {}, 0});
  return runs;
}

std::vector<Device> devices_now(const CascadeExecutor& executor) {
  std::vector<Device> devices;
  for (std::size_t k = 0; k < executor.stage_count(); ++k) devices.push_back(executor.device(k));
  return devices;
}

// Images of a turn: a window, or several where devices are to work on different ones at once.
std::size_t turn_images(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings) {
  const auto differs = [&](const Device& device) { return device.context()() != devices.front().context()(); };
  return window_images(settings, model.input) * (std::ranges::any_of(devices, differs) ? 8 : 1);
}

}  // namespace

std::size_t worst_class(const Evaluation& evaluation) {
  const auto& classes = evaluation.classes;
  return static_cast<std::size_t>(
      std::ranges::min_element(classes, {}, [](const ClassEvaluation& of) { return of.top1.value_or(2); }) -
      classes.begin());
}

double largest_mmac(const Model& model) { return network_mmac(model, largest_stage(model)); }

Evaluation evaluate(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                    const EvaluationSettings& settings) {
  check_dataset(model, dataset.header());
  // Reads the first batches while the kernels are made ready.
  BatchLoader loader(
      dataset, all_indices(dataset.size()),
      {.batch_size = static_cast<int>(turn_images(model, devices, settings.executor)), .shuffle = false, .depth = 2});
  loader.start_epoch(0);
  CascadeExecutor executor(model, devices, settings.executor);
  executor.warm_up();
  std::vector<StaticRun> statics;
  std::optional<CascadeExecutor> fp32;
  if (settings.compare_precision) {
    ExecutorSettings plain = settings.executor;
    plain.precision = Precision::fp32;
    plain.trace = nullptr;
    fp32.emplace(model, devices_now(executor), plain).warm_up();
    share_failures(*fp32, executor, devices, "in fp32");
  }
  if (settings.static_control) statics = static_runs(model, settings.executor, executor);

  Evaluation evaluation;
  AccuracyCount accuracy;
  PrecisionComparison comparison;
  std::vector<StageSums> sums(model.stages.size());
  std::vector<ClassSums> classes(settings.per_class ? static_cast<std::size_t>(model.classes) : 0);
  // The controls run in turns with the cascade, so that a noisy machine hurts all alike.
  while (const auto batch = loader.next()) {
    if (settings.progress) settings.progress(evaluation.images);
    loader.settle();  // or reading would take its core from the cascade, and from no control
    if (!statics.empty() && evaluation.images == 0) {  // the first to run would pay for what is cold
      executor.classify(batch->images, 0, batch->labels);
      for (StaticRun& run : statics) run.control.classify(batch->images);
      executor.restart_statistics();
    }
    const auto first = static_cast<std::uint64_t>(batch->indices.front());
    const CascadeResult result = executor.classify(batch->images, first, batch->labels);
    accuracy.add(result.answer, batch->labels);
    add_stages(result, batch->labels, sums);
    evaluation.exit_stage.insert(evaluation.exit_stage.end(), result.exit_stage.begin(), result.exit_stage.end());
    if (settings.per_class) add_classes(model, result, batch->labels, classes);
    evaluation.seconds += result.seconds;
    if (fp32) {
      share_failures(executor, *fp32, devices, "in the cascade");
      comparison.add(result, fp32->classify(batch->images, first, batch->labels), batch->labels);
      share_failures(*fp32, executor, devices, "in fp32");
    }
    for (StaticRun& run : statics) {
      const CascadeResult alone = run.control.classify(batch->images);
      run.accuracy.add(alone.answer, batch->labels);
      run.seconds += alone.seconds;
      run.answers.insert(run.answers.end(), alone.answer.begin(), alone.answer.end());
    }
    evaluation.images += batch->n;
  }
  if (settings.progress) settings.progress(evaluation.images);

  const auto images = static_cast<double>(evaluation.images);
  const std::size_t largest = largest_stage(model);
  evaluation.top1 = accuracy.top1();
  evaluation.top5 = accuracy.top5();
  if (fp32) evaluation.precision_change = comparison.change();
  evaluation.images_per_s = images / evaluation.seconds;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    evaluation.stages.push_back(
        stage_evaluation(model, executor.device(k), k, sums[k].counts, sums[k].correct, settings.executor.time_stages));
    evaluation.mmac_per_image += evaluation.stages[k].mmac * static_cast<double>(sums[k].counts.entered) / images;
  }
  const double largest_run = network_mmac(model, largest), compared = std::max(settings.largest_mmac, largest_run);
  evaluation.mac_fraction = evaluation.mmac_per_image / compared;
  evaluation.predicted_saving = 1 - evaluation.mac_fraction;
  for (const ClassSums& of : classes) evaluation.classes.push_back(class_evaluation(of));
  for (std::size_t k = 0; k < statics.size(); ++k) {
    evaluation.static_stages.push_back({.network = model.stages[k].network.name(),
                                        .device = statics[k].control.device().info().name,
                                        .mmac = network_mmac(model, k),
                                        .top1 = statics[k].accuracy.top1(),
                                        .top5 = statics[k].accuracy.top5(),
                                        .ece = expected_calibration_error(statics[k].answers, dataset.labels()),
                                        .images_per_s = images / statics[k].seconds});
  }
  evaluation.pipeline = executor.statistics();
  if (!statics.empty()) {
    evaluation.alone = {statics.size(), evaluation.exit_stage.size(), static_cast<std::size_t>(model.classes), {}};
    for (const StaticRun& run : statics)
      evaluation.alone.values.insert(evaluation.alone.values.end(), run.answers.begin(), run.answers.end());
  }
  if (!statics.empty() && largest_run >= compared)  // else what savings are against has not run
    evaluation.measured_saving = 1 - evaluation.seconds / statics[largest].seconds;
  return evaluation;
}

std::optional<double> Evaluation::saving_ratio() const {
  if (!measured_saving || !(predicted_saving > 0)) return std::nullopt;
  return *measured_saving / predicted_saving;
}

}  // namespace cascadecl
