#include <chrono>
#include <utility>

#include "runtime/study/answers/cascade_table.h"
#include "trainer/calibrate.h"
#include "trainer/exit_functions.h"
#include "trainer/fit_frontier.h"
#include "trainer/policy_phase.h"
#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

// What the stages say of the held-out images.
CascadeTable held_out_answers(const Training& training, Model stages) {
  stages.policies.clear();
  stages.exit_functions.clear();
  const int batch = images_at_once(training.settings.batch_size, training.settings.micro_batch);
  return cascade_table(stages, training.device(), training.data, training.split.held_out, {.max_batch = batch}, {},
                       training.settings.learning.input == PolicyInput::features);
}

PolicyPhaseSettings phase_settings(const Training& training) {
  return {.learning = training.settings.learning,
          .batch_size = training.settings.batch_size,
          .momentum = training.settings.momentum,
          .seed = training.settings.seed_of_policies()};
}

PolicyPhase make_policy_phase(const Training& training) {
  const PolicyPhaseSettings settings = phase_settings(training);
  const CascadeTable table = as_policies_see(held_out_answers(training, training.state.model), settings.learning.input);
  return PolicyPhase(training.device(), settings, training.costs(), training.state.model.classes,
                     table.probabilities.values, std::vector<int>(table.labels.begin(), table.labels.end()),
                     table.features);
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

void fit_answers(Training& training) {
  const CalibrationSettings what{.temperatures = !training.settings.learns_as_in_the_paper(), .exit_functions = false};
  Model stages = training.state.model;
  stages.policies.clear();
  stages.exit_functions.clear();
  stages.temperatures.clear();
  CascadeTable table = held_out_answers(training, stages);
  const Model fitted = calibrate(std::move(stages), std::move(table), training.device(), what).model;
  training.state.model.temperatures = fitted.temperatures;
  training.state.model.combination = fitted.combination;
}

bool train_policies(Training& training) {
  if (training.state.policy_momentum.empty()) fit_answers(training);
  PolicyPhase phase = make_policy_phase(training);
  if (!training.state.policy_momentum.empty()) {
    phase.restore({.epoch = training.state.progress.front().epoch,
                   .policies = training.state.model.policies,
                   .momentum = training.state.policy_momentum});
  }
  return run_policy_phase(training, phase, "policy");
}

bool find_frontier(Training& training) {
  Model& model = training.state.model;
  const FrontierSettings settings{.phase = phase_settings(training), .relative_costs = training.costs()};
  Frontier frontier = fit_frontier(held_out_answers(training, model), training.device(), settings,
                                   [&] { return training.observer.stop_requested(); });
  if (frontier.empty()) return false;
  model.frontier = std::move(frontier);
  const FrontierPoint chosen = pick(model.frontier, {}, relative_macs(model), "points below the best stage");
  model = at_point(std::move(model), chosen);
  return true;
}

bool update_policies(Training& training) {
  fit_answers(training);
  PolicyPhase phase = make_policy_phase(training);
  PolicyPhaseState state = phase.state();
  state.policies = training.state.model.policies;
  phase.restore(state);
  return run_policy_phase(training, phase, "joint-policy");
}

}  // namespace cascadecl
