#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/progress.h"
#include "trainer/observer.h"

namespace cascadecl {

// Shows a training on stderr: a bar for each epoch on a terminal, and a line for each finished epoch.
class TrainDisplay : public TrainObserver {
 public:
  // The training stops once `interrupted` is true. Keeps a reference to it.
  TrainDisplay(bool quiet, const std::atomic<bool>& stop) : quiet_(quiet), interrupted_(stop) {}

  // Notes that stand before all else, once the training has begun and can fail by its settings no more.
  void begin_with(std::vector<std::string> notes) { first_ = std::move(notes); }

  void on_progress(const TrainProgress& now) override;
  void on_epoch(const EpochRecord& epoch) override;
  void on_note(const std::string& text) override { show(text); }
  bool stop_requested() override { return interrupted_; }

  void clear();

 private:
  void show(const std::string& line);

  std::vector<std::string> first_;
  bool quiet_;
  const std::atomic<bool>& interrupted_;
  std::string task_;
  TrainProgress shown_;
  std::optional<Progress> bar_;
};

}  // namespace cascadecl
