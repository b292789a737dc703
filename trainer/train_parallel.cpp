#include <algorithm>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>

#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

// The stages of a pretrain phase, shared out among devices. One thread each takes the largest stage that nobody has
// begun and trains it to its end. All that they share is touched under one lock.
class StageQueue {
 public:
  explicit StageQueue(Training& training) : training_(training), waiting_(training.state.progress.size()) {
    std::iota(waiting_.begin(), waiting_.end(), 0);
    std::erase_if(waiting_, [&](int stage) { return !unfinished(stage); });
    std::ranges::stable_sort(waiting_, std::greater<>(), [&](int stage) { return stage_of(stage).network.macs(); });
  }

  // False if the observer stopped it. If a stage fails the others are stopped and kept, and its error is thrown.
  bool run() {
    std::vector<std::jthread> threads;
    for (const Device& device : training_.devices) threads.emplace_back([this, device] { work(device); });
    for (std::jthread& thread : threads) thread.join();
    if (failure_) {
      training_.save();
      std::rethrow_exception(failure_);
    }
    for (int stage = 0; stage < training_.stage_count(); ++stage)
      if (unfinished(stage)) return false;
    return true;
  }

 private:
  // Hands on what a thread tells, one thread at a time, and stops all once one is to stop.
  class SharedObserver : public TrainObserver {
   public:
    explicit SharedObserver(StageQueue& queue) : queue_(queue) {}
    void on_step(const StepReport& step) override {
      const std::lock_guard lock(queue_.mutex_);
      queue_.training_.observer.on_step(step);
    }
    bool stop_requested() override {
      const std::lock_guard lock(queue_.mutex_);
      if (!queue_.stopped_ && queue_.training_.observer.stop_requested()) queue_.stopped_ = true;
      return queue_.stopped_;
    }

   private:
    StageQueue& queue_;
  };

  Stage& stage_of(int stage) { return training_.state.model.stages[static_cast<std::size_t>(stage)]; }
  StageProgress& progress_of(int stage) { return training_.state.progress[static_cast<std::size_t>(stage)]; }
  bool unfinished(int stage) {
    return training_.pretrains(stage) && progress_of(stage).epoch < training_.settings.epochs.at(stage);
  }

  void work(const Device& device) {
    SharedObserver observer(*this);
    try {
      while (const auto stage = next()) {
        if (!train(device, *stage, observer)) return;
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
    }
  }

  std::optional<int> next() {
    const std::lock_guard lock(mutex_);
    if (stopped_ || waiting_.empty()) return {};
    const int stage = waiting_.front();
    waiting_.erase(waiting_.begin());
    return stage;
  }

  // False if it was stopped before its end.
  bool train(const Device& device, int stage, TrainObserver& observer) {
    Pretrainer trainer(device, stage_of(stage).network, training_.data, training_.split.rest, training_.split.held_out,
                       pretrain_settings(training_.settings, stage), begin(stage));
    while (!trainer.finished()) {
      const bool stopped = observer.stop_requested() || trainer.run_epoch(observer) == Pretrainer::Outcome::stopped;
      PretrainState state = trainer.state();
      check_finite(state.parameters, "pretrain", stage_of(stage).network.name(), state.epoch, "--learning-rate");
      // One lock for both: where a stage stands and what the history says of it must never differ for another thread.
      const std::lock_guard lock(mutex_);
      keep(stage, std::move(state));
      if (stopped) return false;
      record(stage, trainer.last_epoch());
    }
    return true;
  }

  PretrainState begin(int stage) {
    const std::lock_guard lock(mutex_);
    const StageProgress& from = progress_of(stage);
    return {.epoch = from.epoch,
            .step = from.step,
            .loss = from.loss,
            .correct = from.correct,
            .parameters = stage_of(stage).parameters,
            .momentum = from.momentum};
  }

  // mutex_ is held.
  void keep(int stage, PretrainState state) {
    const bool done = state.epoch >= training_.settings.epochs.at(stage);
    stage_of(stage).parameters = std::move(state.parameters);
    progress_of(stage) = {.epoch = state.epoch,
                          .step = state.step,
                          .loss = state.loss,
                          .correct = state.correct,
                          .momentum = done ? Parameters{} : std::move(state.momentum)};
  }

  // In the history the stages stand one after the other, as if they had been trained so. mutex_ is held.
  void record(int stage, const EpochRecord& epoch) {
    std::ptrdiff_t place = -1;
    for (int before = 0; before <= stage; ++before)
      if (training_.pretrains(before)) place += progress_of(before).epoch;
    training_.state.history.insert(training_.state.history.begin() + place, epoch);
    training_.observer.on_epoch(epoch);
    training_.save();
  }

  Training& training_;
  std::vector<int> waiting_;  // largest first
  std::mutex mutex_;
  bool stopped_ = false;
  std::exception_ptr failure_;
};

// Where a training that has had one device so far is.
std::vector<StageProgress> progress_so_far(const Training& training) {
  const TrainState& state = training.state;
  std::vector<StageProgress> progress(static_cast<std::size_t>(training.stage_count()));
  for (int stage = 0; stage < state.stage; ++stage)
    if (training.pretrains(stage)) progress[static_cast<std::size_t>(stage)].epoch = training.settings.epochs.at(stage);
  progress[static_cast<std::size_t>(state.stage)] = {
      .epoch = state.epoch,
      .step = state.step,
      .loss = state.loss,
      .correct = state.correct,
      .momentum = state.momentum.empty() ? Parameters{} : state.momentum.front()};
  return progress;
}

}  // namespace

bool train_stages_in_parallel(Training& training) {
  TrainState& state = training.state;
  if (state.progress.empty()) {
    state.progress = progress_so_far(training);
    state.stage = state.epoch = 0;
    state.step = 0;
    state.loss = state.correct = 0;
    state.momentum.clear();
  }
  return StageQueue(training).run();
}

}  // namespace cascadecl
