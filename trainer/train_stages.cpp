#include "data/files/error.h"
#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

// The one that the state names, to its end.
bool train_stage(Training& training) {
  Stage& stage = training.state.model.stages[static_cast<std::size_t>(training.state.stage)];
  PretrainState state{.epoch = training.state.epoch,
                      .step = training.state.step,
                      .loss = training.state.loss,
                      .correct = training.state.correct,
                      .parameters = stage.parameters};
  if (!training.state.momentum.empty()) state.momentum = training.state.momentum.front();
  Pretrainer trainer(training.device(), stage.network, training.data, training.split.rest, training.split.held_out,
                     pretrain_settings(training.settings, training.state.stage), state);
  const auto keep = [&] {
    state = trainer.state();
    check_finite(state.parameters, "pretrain", stage.network.name(), state.epoch, "--learning-rate");
    stage.parameters = std::move(state.parameters);
    training.state.momentum = {std::move(state.momentum)};
    training.state.epoch = state.epoch;
    training.state.step = state.step;
    training.state.loss = state.loss;
    training.state.correct = state.correct;
  };
  while (!trainer.finished()) {
    if (training.observer.stop_requested() || trainer.run_epoch(training.observer) == Pretrainer::Outcome::stopped) {
      keep();
      return false;
    }
    keep();
    training.record(trainer.last_epoch());
    training.save();
  }
  return true;
}

}  // namespace

PretrainSettings pretrain_settings(const TrainSettings& settings, int stage) {
  return {.epochs = settings.epochs.at(stage),
          .batch_size = settings.batch_size,
          .micro_batch = settings.micro_batch,
          .learning_rate = settings.learning_rate.at(stage),
          .schedule = settings.schedule,
          .momentum = settings.momentum,
          .weight_decay = settings.weight_decay,
          .nesterov = settings.nesterov,
          .label_smoothing = settings.label_smoothing,
          .augment = settings.augment,
          .flip = settings.flip,
          .cutout = settings.cutout.at(stage),
          .seed = settings.seed + 7919 * static_cast<std::uint64_t>(stage)};
}

bool train_stages(Training& training) {
  if (training.devices.size() > 1 || !training.state.progress.empty()) return train_stages_in_parallel(training);
  for (; training.state.stage < training.stage_count(); ++training.state.stage) {
    if (!training.pretrains(training.state.stage)) continue;
    if (!train_stage(training)) return false;
    training.state.epoch = 0;
    training.state.momentum.clear();
  }
  training.state.stage = 0;
  return true;
}

}  // namespace cascadecl
