#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

// The stages of a phase pretrain or refit, shared out among devices: each takes a stage that nobody has begun and
// trains it to its end. All that the devices share is touched under one lock.
class StageQueue {
 public:
  explicit StageQueue(Training& training) : training_(training), waiting_(training.state.progress.size()) {
    std::iota(waiting_.begin(), waiting_.end(), 0);
    std::erase_if(waiting_, [&](int stage) { return training_.pretrained(stage); });
    // Or the largest would be begun last, and all but its device would wait for it.
    if (training.devices.size() > 1)
      std::ranges::stable_sort(waiting_, std::greater<>(), [&](int stage) { return stage_of(stage).network.macs(); });
  }

  // False if the observer stopped it. If a stage fails the others are stopped and kept, and its error is thrown.
  bool run() {
    {
      std::vector<std::jthread> threads;  // the first device has this one
      for (std::size_t i = 1; i < training_.devices.size(); ++i)
        threads.emplace_back([this, device = training_.devices[i]] { work(device); });
      work(training_.device());
    }
    if (failure_) {
      if (training_.devices.size() > 1) training_.save();
      std::rethrow_exception(failure_);
    }
    for (int stage = 0; stage < training_.stage_count(); ++stage)
      if (!training_.pretrained(stage)) return false;
    return true;
  }

 private:
  using Lock = std::lock_guard<std::mutex>;  // on mutex_; functions that take one are called with it

  // Hands on what a thread tells, one thread at a time, and stops all once one is to stop.
  class SharedObserver : public TrainObserver {
   public:
    explicit SharedObserver(StageQueue& queue) : queue_(queue) {}
    void on_progress(const TrainProgress& progress) override {
      const Lock lock(queue_.mutex_);
      queue_.training_.observer.on_progress(progress);
    }
    bool stop_requested() override {
      const Lock lock(queue_.mutex_);
      if (!queue_.stopped_ && queue_.training_.observer.stop_requested()) queue_.stopped_ = true;
      return queue_.stopped_;
    }

   private:
    StageQueue& queue_;
  };

  Stage& stage_of(int stage) { return training_.state.model.stages[static_cast<std::size_t>(stage)]; }
  EpochProgress& progress_of(int stage) { return training_.state.progress[static_cast<std::size_t>(stage)]; }
  Parameters& momentum_of(int stage) { return training_.state.momentum[static_cast<std::size_t>(stage)]; }
  Parameters& best_of(int stage) { return training_.state.best[static_cast<std::size_t>(stage)]; }

  // In a refit no image tells which epoch is the best.
  bool keeps_best() const { return training_.settings.keep == KeepEpoch::best && !training_.refits(); }

  void work(const Device& device) {
    SharedObserver observer(*this);
    try {
      while (const auto stage = next()) {
        if (!train(device, *stage, observer)) return;
      }
    } catch (...) {
      const Lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
    }
  }

  std::optional<int> next() {
    const Lock lock(mutex_);
    if (stopped_ || waiting_.empty()) return {};
    const int stage = waiting_.front();
    waiting_.erase(waiting_.begin());
    return stage;
  }

  // False if it was stopped before its end.
  bool train(const Device& device, int stage, TrainObserver& observer) {
    Pretrainer trainer(device, stage_of(stage).network, training_.data, training_.images_to_fit(),
                       training_.images_to_judge(), pretrain_settings(training_, stage), begin(stage));
    for (;;) {
      const bool stopped = observer.stop_requested() || trainer.run_epoch(observer) == Pretrainer::Outcome::stopped;
      PretrainState state = trainer.state();
      check_finite(state.parameters, trainer.last_epoch().phase, stage_of(stage).network.name(), state.progress.epoch,
                   "--learning-rate");
      // One lock for all: where a stage stands and what the history says of it must never differ for another thread.
      const Lock lock(mutex_);
      if (!stopped) record(stage, trainer.last_epoch(), lock);
      keep(stage, std::move(state), lock);
      if (stopped) return false;
      if (end_epoch(stage, trainer.last_epoch(), lock)) return true;
    }
  }

  PretrainState begin(int stage) {
    const Lock lock(mutex_);
    const EpochProgress& progress = progress_of(stage);
    const bool anew =
        training_.refits() && training_.settings.refit == Refit::all && progress.epoch == 0 && progress.step == 0;
    return {.progress = progress,
            .parameters = anew ? training_.first_parameters(stage) : stage_of(stage).parameters,
            .momentum = momentum_of(stage)};
  }

  void keep(int stage, PretrainState state, const Lock&) {
    progress_of(stage) = state.progress;
    stage_of(stage).parameters = std::move(state.parameters);
    momentum_of(stage) = std::move(state.momentum);
  }

  // A finished epoch, before the stage's progress tells of it.
  void record(int stage, const EpochRecord& epoch, const Lock&) {
    std::vector<EpochRecord>& history = training_.state.history;
    const std::size_t place = training_.first_epoch_of(stage) + training_.epochs_done(stage);
    history.insert(history.begin() + static_cast<std::ptrdiff_t>(place), epoch);
  }

  // True after the last epoch of a stage.
  bool end_epoch(int stage, const EpochRecord& epoch, const Lock& lock) {
    if (keeps_best() && best_epoch(training_.epochs_of(stage)) == epoch.epoch)
      best_of(stage) = stage_of(stage).parameters;
    training_.observer.on_epoch(epoch);
    const bool last = training_.pretrained(stage);
    if (last) finish(stage, lock);
    training_.save();
    return last;
  }

  void finish(int stage, const Lock&) {
    momentum_of(stage).clear();
    if (training_.refits()) return;
    const std::string name = "pretrain " + stage_of(stage).network.name();
    const int done = progress_of(stage).epoch, all = training_.settings.epochs.at(stage);
    if (done < all)
      training_.observer.on_note(fmt::format("{}: ends after epoch {} of {}: no better held-out accuracy for {} epochs",
                                             name, done, all, training_.settings.patience));
    if (!keeps_best()) return;
    const int best = best_epoch(training_.epochs_of(stage));
    stage_of(stage).parameters = std::exchange(best_of(stage), {});
    training_.state.history[training_.first_epoch_of(stage) + static_cast<std::size_t>(best) - 1].kept = true;
    training_.observer.on_note(fmt::format("{}: keeps the parameters of epoch {}", name, best));
  }

  Training& training_;
  std::vector<int> waiting_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::exception_ptr failure_;
};

}  // namespace

PretrainSettings pretrain_settings(const Training& training, int stage) {
  const TrainSettings& settings = training.settings;
  return {.phase = training.refits() ? "refit" : "pretrain",
          .epochs = settings.epochs.at(stage),
          .batch_size = settings.batch_size,
          .micro_batch = settings.micro_batch,
          .learning_rate = settings.learning_rate.at(stage),
          .base_learning_rate_scale = settings.new_head ? settings.base_learning_rate_scale : 1,
          .schedule = settings.schedule,
          .momentum = settings.momentum,
          .weight_decay = settings.weight_decay,
          .nesterov = settings.nesterov,
          .label_smoothing = settings.label_smoothing,
          .class_weights = class_weights(settings.class_weights, training.data.labels(), training.images_to_fit(),
                                         training.data.header().classes()),
          .augment = settings.augment,
          .flip = settings.flip,
          .cutout = settings.cutout.at(stage),
          .teacher = training.teaches(stage) ? training.teacher : nullptr,
          .teacher_weight = settings.teacher_weight.at(stage),
          .teacher_temperature = settings.teacher_temperature,
          .seed = settings.seed + 7919 * static_cast<std::uint64_t>(stage)};
}

bool train_stages(Training& training) { return StageQueue(training).run(); }

}  // namespace cascadecl
