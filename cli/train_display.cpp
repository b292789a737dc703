#include "cli/train_display.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace cascadecl {
namespace {

std::string note_of(const TrainProgress& now) {
  std::string note = fmt::format("loss {:.4f}", now.loss);
  if (now.accuracy) note += fmt::format("  accuracy {}", percent(now.accuracy, 1));
  return note;
}

}  // namespace

void TrainDisplay::on_progress(const TrainProgress& now) {
  for (const std::string& line : std::exchange(first_, {})) show(line);
  // Of stages that are trained at once, the bar shows one until its epoch is done.
  const bool another = bar_ && (now.what != shown_.what || now.epoch != shown_.epoch || now.phase != shown_.phase);
  if (another && shown_.images_done < shown_.images_total) return;
  shown_ = now;
  const std::string task = fmt::format("{} {} {}/{}", now.phase, now.what, now.epoch, now.epochs);
  if (task != task_) {
    task_ = task;
    bar_.emplace(task, now.images_total, quiet_, now.seconds);
  }
  bar_->update(now.images_done, now.phase == "teacher" ? "" : note_of(now));
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
  for (const std::string& first : std::exchange(first_, {})) note(first, quiet_);
  note(line, quiet_);
}

}  // namespace cascadecl
