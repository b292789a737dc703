#include <utility>

#include "trainer/train_phases.h"

namespace cascadecl {

JointSettings joint_settings(const TrainSettings& settings) {
  JointSettings joint{.epochs = settings.joint_epochs,
                      .batch_size = settings.batch_size,
                      .micro_batch = settings.micro_batch,
                      .learning_rate = settings.joint_learning_rate.values.front(),
                      .momentum = settings.momentum,
                      .weight_decay = settings.weight_decay,
                      .augment = settings.augment,
                      .flip = settings.flip,
                      .seed = settings.seed_of_policies(),
                      .learning = settings.learning};
  joint.learning.reward_label = RewardLabel::sampled;  // the stages learn from the draw
  return joint;
}

CombinedTrainerSettings combined_settings(const TrainSettings& settings) {
  return {.epochs = settings.joint_epochs,
          .batch_size = settings.batch_size,
          .micro_batch = settings.micro_batch,
          .learning_rate = settings.joint_learning_rate,
          .momentum = settings.momentum,
          .weight_decay = settings.weight_decay,
          .nesterov = settings.nesterov,
          .augment = settings.augment,
          .flip = settings.flip,
          .cutout = settings.cutout,
          .seed = settings.seed_of_policies(),
          .own_answers = settings.joint_loss == JointLoss::own};
}

namespace {

JointState joint_state(const Training& training) {
  return {.progress = training.state.progress.front(),
          .parameters = training.stage_parameters(),
          .momentum = training.state.momentum};
}

void keep(Training& training, JointState now) {
  for (std::size_t i = 0; i < now.parameters.size(); ++i) {
    Stage& stage = training.state.model.stages[i];
    check_finite(now.parameters[i], "joint", stage.network.name(), now.progress.epoch, "--joint-learning-rate");
  }
  for (std::size_t i = 0; i < now.parameters.size(); ++i)
    training.state.model.stages[i].parameters = std::move(now.parameters[i]);
  training.state.momentum = std::move(now.momentum);
  training.state.progress = {now.progress};
}

// Epoch by epoch the stages, and after each their answers and policies again.
template <class Trainer>
bool run(Training& training, Trainer& trainer) {
  while (training.state.policies_due || !trainer.finished()) {
    if (!training.state.policies_due) {
      const bool stopped =
          training.observer.stop_requested() || trainer.run_epoch(training.observer) == EpochOutcome::stopped;
      keep(training, trainer.state());
      if (stopped) return false;
      training.record(trainer.last_epoch());
      training.state.policies_due = true;
      training.save();
    }
    const std::size_t records = training.state.history.size();
    if (!update_policies(training)) {
      training.state.history.resize(records);  // it starts anew
      return false;
    }
    trainer.set_cascade(training.state.model);
    training.state.policies_due = false;
    training.save();
  }
  return true;
}

}  // namespace

bool train_jointly(Training& training) {
  const JointState state = joint_state(training);
  if (training.settings.joint_loss == JointLoss::reinforce) {
    JointTrainer trainer(training.device(), training.networks(), training.data, training.split.rest, training.costs(),
                         joint_settings(training.settings), training.state.model.policies, state);
    return run(training, trainer);
  }
  const bool begins = state.progress.epoch == 0 && state.progress.step == 0 && !training.state.policies_due;
  if (begins) fit_answers(training);  // the model that it begins from may have no weights, or of other images
  CombinedTrainer trainer(training.device(), training.state.model, training.data, training.split.rest,
                          combined_settings(training.settings), state);
  return run(training, trainer);
}

}  // namespace cascadecl
