#include "trainer/train_phases.h"

namespace cascadecl {

JointSettings joint_settings(const TrainSettings& settings) {
  return {.epochs = settings.joint_epochs,
          .batch_size = settings.batch_size,
          .micro_batch = settings.micro_batch,
          .learning_rate = settings.joint_learning_rate,
          .momentum = settings.momentum,
          .weight_decay = settings.weight_decay,
          .augment = settings.augment,
          .flip = settings.flip,
          .seed = settings.seed_of_policies(),
          .learning = settings.learning};
}

bool train_jointly(Training& training) {
  const std::vector<Network> networks = training.networks();
  JointState state{.progress = training.state.progress.front(),
                   .parameters = training.stage_parameters(),
                   .momentum = training.state.momentum};
  JointTrainer trainer(training.device(), networks, training.data, training.split.rest, training.costs(),
                       joint_settings(training.settings), training.state.model.policies, state);
  const auto keep = [&] {
    JointState now = trainer.state();
    for (std::size_t i = 0; i < networks.size(); ++i) {
      check_finite(now.parameters[i], "joint", networks[i].name(), now.progress.epoch, "--joint-learning-rate");
    }
    for (std::size_t i = 0; i < networks.size(); ++i)
      training.state.model.stages[i].parameters = std::move(now.parameters[i]);
    training.state.momentum = std::move(now.momentum);
    training.state.progress = {now.progress};
  };
  while (training.state.refit || !trainer.finished()) {
    if (!training.state.refit) {
      if (training.observer.stop_requested() ||
          trainer.run_epoch(training.observer) == JointTrainer::Outcome::stopped) {
        keep();
        return false;
      }
      keep();
      training.record(trainer.last_epoch());
      training.state.refit = true;
      training.save();
    }
    const std::size_t records = training.state.history.size();
    if (!refit_policies(training)) {
      training.state.history.resize(records);  // it starts anew
      return false;
    }
    trainer.set_policies(training.state.model.policies);
    training.state.refit = false;
    training.save();
  }
  return true;
}

}  // namespace cascadecl
