#include "cli/train_display.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace cascadecl {
namespace {

std::string note_of(const StepReport& step) {
  std::string note = fmt::format("loss {:.4f}", step.loss);
  if (step.accuracy) note += fmt::format("  accuracy {}", percent(step.accuracy, 1));
  return note;
}

}  // namespace

void TrainDisplay::on_step(const StepReport& step) {
  // Of stages that are trained at once, the bar shows one until its epoch is done.
  const bool another = bar_ && (step.what != shown_.what || step.epoch != shown_.epoch || step.phase != shown_.phase);
  if (another && shown_.images_done < shown_.images_total) return;
  shown_ = step;
  const std::string task = fmt::format("{} {} {}/{}", step.phase, step.what, step.epoch, step.epochs);
  if (task != task_) {
    task_ = task;
    bar_.emplace(task, step.images_total, quiet_, step.seconds);
  }
  bar_->update(step.images_done, note_of(step));
}

void TrainDisplay::on_epoch(const EpochRecord& epoch) {
  std::string line = fmt::format("{} {} epoch {}: loss {:.4f}", epoch.phase, epoch.what, epoch.epoch, epoch.loss);
  if (epoch.accuracy) line += fmt::format(", accuracy {}", percent(epoch.accuracy));
  if (epoch.validation_accuracy) line += fmt::format(", held-out {}", percent(epoch.validation_accuracy));
  if (epoch.mac_fraction) line += fmt::format(", MACs {} of the largest stage", percent(epoch.mac_fraction, 1));
  line += fmt::format(", {}", clock_text(epoch.seconds));
  if (epoch.images_per_s > 0) line += fmt::format(", {:.0f} images/s", epoch.images_per_s);
  show(line);
}

void TrainDisplay::clear() {
  bar_.reset();
  task_.clear();
}

void TrainDisplay::show(const std::string& line) {
  clear();
  note(line, quiet_);
}

}  // namespace cascadecl
