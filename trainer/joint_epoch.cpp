#include "trainer/joint_epoch.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "data/files/error.h"

namespace cascadecl {

EpochOutcome run_joint_epoch(const JointEpochs& epochs, bool measures_accuracy, TrainObserver& observer,
                             const std::function<JointStep(const Batch&, double share)>& step) {
  using Clock = std::chrono::steady_clock;
  EpochProgress& now = epochs.progress;
  BatchLoader& loader = epochs.loader;
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const std::int64_t steps = loader.batches_per_epoch();
  const auto waited_before = loader.waited();
  TrainProgress report{.phase = "joint",
                       .what = "cascade",
                       .epoch = now.epoch + 1,
                       .epochs = epochs.epochs,
                       .images_done = now.step * epochs.batch_size,
                       .images_total = loader.images_per_epoch()};
  const std::int64_t before = report.images_done;
  JointStep done;
  loader.start_epoch(now.epoch, now.step);
  while (auto batch = loader.next()) {
    done = step(*batch, (now.epoch + static_cast<double>(now.step) / static_cast<double>(steps)) / epochs.epochs);
    now.loss += done.loss;
    now.correct += done.correct;
    ++now.step;
    report.images_done += batch->n;
    report.loss = now.loss / static_cast<double>(report.images_done);
    if (measures_accuracy) report.accuracy = now.correct / static_cast<double>(report.images_done);
    report.seconds = seconds();
    if (!std::isfinite(now.loss)) {
      throw TrainingError(
          fmt::format("joint phase: the loss is not finite in epoch {}, step {}; try a smaller --joint-learning-rate",
                      now.epoch + 1, now.step));
    }
    observer.on_progress(report);
    if (observer.stop_requested() && now.step < steps) return EpochOutcome::stopped;
  }
  EpochRecord& record = epochs.record;
  record = {
      .phase = "joint", .what = "cascade", .epoch = now.epoch + 1, .loss = report.loss, .accuracy = report.accuracy};
  record.learning_rate = done.rate;
  record.seconds = seconds();
  record.images_per_s = static_cast<double>(report.images_done - before) / record.seconds;
  record.waited_seconds = std::chrono::duration<double>(loader.waited() - waited_before).count();
  now = {.epoch = now.epoch + 1};
  return EpochOutcome::complete;
}

}  // namespace cascadecl
