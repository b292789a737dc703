#include <chrono>

#include "runtime/study/answers/label_probabilities.h"
#include "trainer/policy_phase.h"
#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

PolicyPhase make_policy_phase(const Training& training) {
  const PolicyPhaseSettings settings{.learning = training.settings.learning,
                                     .batch_size = training.settings.batch_size,
                                     .momentum = training.settings.momentum,
                                     .seed = training.settings.seed_of_policies()};
  const StageOutputs outputs =
      stage_outputs(training.state.model, training.device(), training.data, training.split.held_out,
                    {.max_batch = images_at_once(training.settings.batch_size, training.settings.micro_batch)},
                    settings.learning.input == PolicyInput::features);
  std::vector<int> labels;
  for (std::int64_t i : training.split.held_out) labels.push_back(training.data.labels()[static_cast<std::size_t>(i)]);
  return PolicyPhase(training.device(), settings, training.costs(), training.state.model.classes,
                     outputs.probabilities.values, labels, outputs.features);
}

// Runs the phase to its end; false if the observer stopped it between epochs.
bool run_policy_phase(Training& training, PolicyPhase& phase, const std::string& name) {
  while (!phase.finished()) {
    if (training.observer.stop_requested()) return false;
    const auto start = std::chrono::steady_clock::now();
    const PolicyEpoch& epoch = phase.run_epoch();
    EpochRecord r{.phase = name,
                  .what = "policies",
                  .epoch = epoch.epoch + 1,
                  .loss = -epoch.expected_reward,
                  .accuracy = epoch.accuracy};
    r.mac_fraction = epoch.mean_cost;
    r.learning_rate = epoch.learning_rate;
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    r.images_per_s = static_cast<double>(training.split.held_out.size()) / r.seconds;
    training.record(r);
    const PolicyPhaseState state = phase.state();
    if (training.state.position == TrainState::Position::policy) {
      training.state.progress = {{.epoch = state.epoch}};
      training.state.model.policies = state.policies;
      training.state.policy_momentum = state.momentum;
      training.save();
    }
  }
  training.state.model.policies = phase.policies();
  return true;
}

}  // namespace

bool train_policies(Training& training) {
  PolicyPhase phase = make_policy_phase(training);
  if (!training.state.policy_momentum.empty()) {
    phase.restore({.epoch = training.state.progress.front().epoch,
                   .policies = training.state.model.policies,
                   .momentum = training.state.policy_momentum});
  }
  return run_policy_phase(training, phase, "policy");
}

bool refit_policies(Training& training) {
  PolicyPhase phase = make_policy_phase(training);
  PolicyPhaseState state = phase.state();
  state.policies = training.state.model.policies;
  phase.restore(state);
  return run_policy_phase(training, phase, "joint-policy");
}

}  // namespace cascadecl
