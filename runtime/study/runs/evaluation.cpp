#include "runtime/study/runs/evaluation.h"

#include <algorithm>

#include "data/loader.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/study/answers/dataset_of_model.h"
#include "runtime/study/answers/reliability.h"
#include "runtime/study/runs/control.h"

namespace cascadecl {
namespace {

double network_mmac(const Model& model, std::size_t k) {
  return static_cast<double>(model.stages[k].network.macs()) / 1e6;
}

std::size_t largest_stage(const Model& model) {
  const auto smaller = [](const Stage& a, const Stage& b) { return a.network.macs() < b.network.macs(); };
  return static_cast<std::size_t>(std::max_element(model.stages.begin(), model.stages.end(), smaller) -
                                  model.stages.begin());
}

// What the cascade did, by stage and by class, summed while the dataset is read.
class CascadeSums {
 public:
  CascadeSums(const Model& model, bool per_class)
      : model_(model),
        stages_(model.stages.size()),
        classes_(per_class ? static_cast<std::size_t>(model.classes) : 0) {}

  void add(const CascadeResult& result, std::span<const std::int32_t> labels) {
    accuracy_.add(result.answer, labels);
    seconds_ += result.seconds;
    exit_stage_.insert(exit_stage_.end(), result.exit_stage.begin(), result.exit_stage.end());
    for (std::size_t k = 0; k < stages_.size(); ++k) stages_[k].counts += result.stages[k];
    const auto classes = static_cast<std::size_t>(result.classes);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto answer = std::span<const float>(result.answer).subspan(i * classes, classes);
      const bool correct = rank_of(answer, labels[i]) == 0;
      stages_[static_cast<std::size_t>(result.exit_stage[i])].correct += correct;
      if (!classes_.empty()) add_to_class(labels[i], correct, result.exit_stage[i]);
    }
  }

  std::int64_t images() const { return static_cast<std::int64_t>(exit_stage_.size()); }

  Evaluation evaluation(const CascadeExecutor& executor, bool timed) const {
    Evaluation evaluation{.images = images(),
                          .top1 = accuracy_.top1(),
                          .top5 = accuracy_.top5(),
                          .seconds = seconds_,
                          .images_per_s = static_cast<double>(images()) / seconds_,
                          .exit_stage = exit_stage_};
    for (std::size_t k = 0; k < stages_.size(); ++k) {
      const StageEvaluation& stage = evaluation.stages.emplace_back(stage_evaluation(executor.device(k), k, timed));
      evaluation.mmac_per_image +=
          stage.mmac * static_cast<double>(stage.entered) / static_cast<double>(evaluation.images);
    }
    for (const Class& of : classes_) evaluation.classes.push_back(class_evaluation(of));
    return evaluation;
  }

 private:
  struct StageSums {
    StageCounts counts;
    std::int64_t correct = 0;
  };
  struct Class {
    std::int64_t images = 0, correct = 0;
    double mmac = 0;
  };

  void add_to_class(std::int32_t label, bool correct, int exit) {
    Class& of = classes_[static_cast<std::size_t>(label)];
    ++of.images;
    of.correct += correct;
    of.mmac += model_.macs_through(exit) / 1e6;
  }

  StageEvaluation stage_evaluation(const Device& device, std::size_t k, bool timed) const {
    const StageCounts& counts = stages_[k].counts;
    StageEvaluation stage{.network = model_.stages[k].network.name(),
                          .device = device.info().name,
                          .mmac = model_.stage_macs(k) / 1e6,
                          .entered = counts.entered,
                          .stopped = counts.stopped,
                          .seconds = counts.seconds,
                          .policy_seconds = counts.policy_seconds,
                          .deciding_seconds = counts.deciding_seconds};
    if (counts.stopped > 0)
      stage.top1_of_stopped = static_cast<double>(stages_[k].correct) / static_cast<double>(counts.stopped);
    if (timed && counts.entered > 0) stage.ms_per_image = counts.seconds * 1e3 / static_cast<double>(counts.entered);
    return stage;
  }

  static ClassEvaluation class_evaluation(const Class& of) {
    if (of.images == 0) return {};
    const auto n = static_cast<double>(of.images);
    return {of.images, static_cast<double>(of.correct) / n, of.mmac / n};
  }

  const Model& model_;
  AccuracyCount accuracy_;
  double seconds_ = 0;
  std::vector<int> exit_stage_;
  std::vector<StageSums> stages_;
  std::vector<Class> classes_;
};

// Every stage alone on all images, as control.
class StaticControls {
 public:
  StaticControls(const Model& model, const ExecutorSettings& settings, CascadeExecutor& cascade) : model_(model) {
    for (std::size_t k = 0; k < model.stages.size(); ++k) runs_.push_back({StageControl(model, k, settings, cascade)});
  }

  void warm_up(std::span<const std::uint8_t> images) {
    for (Run& run : runs_) run.control.classify(images);
  }

  void add(const Batch& batch) {
    for (Run& run : runs_) {
      const CascadeResult alone = run.control.classify(batch.images);
      run.accuracy.add(alone.answer, batch.labels);
      run.seconds += alone.seconds;
      run.answers.insert(run.answers.end(), alone.answer.begin(), alone.answer.end());
    }
  }

  double seconds(std::size_t stage) const { return runs_[stage].seconds; }

  // Fills in static_stages and alone.
  void tell(Evaluation& evaluation, std::span<const std::int32_t> labels) const {
    StageProbabilities& alone = evaluation.alone;
    alone = {runs_.size(), labels.size(), static_cast<std::size_t>(model_.classes), {}};
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      const Run& run = runs_[k];
      evaluation.static_stages.push_back({.network = model_.stages[k].network.name(),
                                          .device = run.control.device().info().name,
                                          .mmac = network_mmac(model_, k),
                                          .top1 = run.accuracy.top1(),
                                          .top5 = run.accuracy.top5(),
                                          .ece = reliability(run.answers, labels).expected_calibration_error,
                                          .images_per_s = static_cast<double>(labels.size()) / run.seconds});
      alone.values.insert(alone.values.end(), run.answers.begin(), run.answers.end());
    }
  }

 private:
  struct Run {
    StageControl control;
    AccuracyCount accuracy = {};
    double seconds = 0;
    std::vector<float> answers = {};  // [images][classes]
  };

  const Model& model_;
  std::vector<Run> runs_;
};

// The cascade in fp32 on all images, as control. A device that fails in one of the two fails for both.
class PrecisionControl {
 public:
  PrecisionControl(const Model& model, ExecutorSettings settings, CascadeExecutor& cascade,
                   const std::vector<Device>& devices)
      : cascade_(cascade), devices_(devices), fp32_(model, devices_now(cascade), in_fp32(std::move(settings))) {
    fp32_.warm_up();
    share_failures(fp32_, cascade_, devices_, "in fp32");
  }

  // result: of the cascade for the batch.
  void add(const CascadeResult& result, const Batch& batch) {
    share_failures(cascade_, fp32_, devices_, "in the cascade");
    const auto first = static_cast<std::uint64_t>(batch.indices.front());
    comparison_.add(result, fp32_.classify(batch.images, first, batch.labels), batch.labels);
    share_failures(fp32_, cascade_, devices_, "in fp32");
  }

  PrecisionChange change() const { return comparison_.change(); }

 private:
  static ExecutorSettings in_fp32(ExecutorSettings settings) {
    settings.precision = Precision::fp32;
    settings.trace = nullptr;
    return settings;
  }

  static std::vector<Device> devices_now(const CascadeExecutor& executor) {
    std::vector<Device> devices;
    for (std::size_t k = 0; k < executor.stage_count(); ++k) devices.push_back(executor.device(k));
    return devices;
  }

  CascadeExecutor& cascade_;
  const std::vector<Device>& devices_;
  CascadeExecutor fp32_;
  PrecisionComparison comparison_;
};

// Images of a turn: a window, or several where devices are to work on different ones at once.
std::size_t turn_images(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings) {
  const auto differs = [&](const Device& device) { return !device.same_as(devices.front()); };
  return images_per_window(settings, model.input) * (std::ranges::any_of(devices, differs) ? 8 : 1);
}

// Against the stage that costs are compared with: of the model, or a larger one of `largest_mmac` that does not run.
void add_savings(Evaluation& evaluation, const Model& model, const StaticControls* statics, double largest_mmac) {
  const std::size_t largest = largest_stage(model);
  const double runs = network_mmac(model, largest), compared = std::max(largest_mmac, runs);
  evaluation.mac_fraction = evaluation.mmac_per_image / compared;
  evaluation.predicted_saving = 1 - evaluation.mac_fraction;
  if (statics && runs >= compared) evaluation.measured_saving = 1 - evaluation.seconds / statics->seconds(largest);
}

}  // namespace

std::size_t worst_class(const Evaluation& evaluation) {
  const auto& classes = evaluation.classes;
  return static_cast<std::size_t>(
      std::ranges::min_element(classes, {}, [](const ClassEvaluation& of) { return of.top1.value_or(2); }) -
      classes.begin());
}

Evaluation evaluate(const Model& whole, const std::vector<Device>& devices, const Dataset& dataset,
                    const EvaluationSettings& asked) {
  check_dataset(whole, dataset.header());
  Model model = whole;
  EvaluationSettings settings = asked;
  obey_decision(model, settings.executor);
  // Reads the first batches while the kernels are made ready.
  BatchLoader loader(
      dataset, all_indices(dataset.size()),
      {.batch_size = static_cast<int>(turn_images(model, devices, settings.executor)), .shuffle = false, .depth = 2});
  loader.start_epoch(0);
  CascadeExecutor executor(model, devices, settings.executor);
  executor.warm_up();
  std::optional<PrecisionControl> fp32;
  if (settings.compare_precision) fp32.emplace(model, settings.executor, executor, devices);
  std::optional<StaticControls> statics;
  if (settings.static_control) statics.emplace(model, settings.executor, executor);

  CascadeSums sums(model, settings.per_class);
  // The controls run in turns with the cascade, so that a noisy machine hurts all alike.
  while (const auto batch = loader.next()) {
    if (settings.progress) settings.progress(sums.images());
    loader.settle();                      // or reading would take its core from the cascade, and from no control
    if (statics && sums.images() == 0) {  // the first to run would pay for what is cold
      executor.classify(batch->images, 0, batch->labels);
      statics->warm_up(batch->images);
      executor.restart_statistics();
    }
    const auto first = static_cast<std::uint64_t>(batch->indices.front());
    const CascadeResult result = executor.classify(batch->images, first, batch->labels);
    sums.add(result, batch->labels);
    if (fp32) fp32->add(result, *batch);
    if (statics) statics->add(*batch);
  }
  if (settings.progress) settings.progress(sums.images());

  Evaluation evaluation = sums.evaluation(executor, settings.executor.time_stages);
  if (fp32) evaluation.precision_change = fp32->change();
  if (statics) statics->tell(evaluation, dataset.labels());
  add_savings(evaluation, model, statics ? &*statics : nullptr, settings.largest_mmac);
  evaluation.pipeline = executor.statistics();
  return evaluation;
}

std::optional<double> Evaluation::saving_ratio() const {
  if (!measured_saving || !(predicted_saving > 0)) return std::nullopt;
  return *measured_saving / predicted_saving;
}

}  // namespace cascadecl
