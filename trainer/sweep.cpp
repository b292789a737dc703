#include "trainer/sweep.h"

#include <algorithm>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/study/tradeoff/budget.h"
#include "trainer/exit_functions.h"
#include "trainer/held_out.h"
#include "trainer/train.h"

namespace cascadecl {
namespace {

// Those that differ from each other for a policy.
std::vector<Combine> combines_of(PolicyKind kind, const std::vector<Combine>& all) {
  if (!has_threshold(kind)) return {Combine::last};
  std::vector<Combine> kept;
  const bool has_last = std::ranges::find(all, Combine::last) != all.end();
  for (const Combine combine : all) {
    const bool twin = combine == Combine::reweight && has_last && !asks_model(kind);
    if (!twin) kept.push_back(combine);
  }
  return kept;
}

PolicyLearning priced(PolicyLearning learning, double alpha) {
  learning.alpha = alpha;
  return learning;
}

void refit(const SweepTask& task, const SweepSettings& settings, const Device& device, SweepTables& tables) {
  const PolicyPhaseSettings phase{.learning = priced(settings.learning, *task.alpha), .seed = *task.seed};
  const std::vector<Policy> policies = task.policy == PolicyKind::ann
                                           ? fit_exit_functions(tables.held_out, device, phase)
                                           : fit_policies(tables.held_out, device, phase);
  tables.test = with_policies(std::move(tables.test), policies, device);
}

std::vector<TaskPoint> judge(const SweepTask& task, const SweepSettings& settings, const CascadeTable& test,
                             double limit, std::optional<double> parameter) {
  const std::vector<double> scores =
      scores_of(test, *make_score(task.policy, {task.seed.value_or(0), test.combination}));
  std::vector<TaskPoint> points;
  for (const Combine combine : combines_of(task.policy, settings.combines)) {
    const SimulationSettings simulation{
        .limit = limit, .asks_model = asks_model(task.policy), .combine = combine, .combination = test.combination};
    points.push_back({task, parameter, combine, simulate(test, scores, simulation)});
  }
  return points;
}

// A training of the phases policy and joint from the stages of a model, on the images that it was trained on itself.
TrainSettings joint_training(const SweepTask& task, const SweepSettings& settings, const Model& model) {
  TrainSettings training = settings_of(model);
  training.stages.clear();
  for (const Stage& stage : model.stages) training.stages.push_back(stage.network.name());
  training.pretrain = false;
  training.policy = training.joint = true;
  training.joint_loss = *task.joint;
  training.joint_epochs = settings.joint_epochs;
  training.joint_learning_rate = settings.joint_learning_rate;
  training.learning = priced(settings.learning, *task.alpha);
  if (training.joint_loss == JointLoss::reinforce) {
    training.joint_learning_rate = settings.reinforce_learning_rate;
    training.learning.reward_label = RewardLabel::sampled;
    if (training.learning.input == PolicyInput::combined) training.learning.input = PolicyInput::sorted;
  }
  training.policy_seed = *task.seed;
  return training;
}

}  // namespace

std::vector<TaskPoint> run_joint_task(const SweepTask& task, const SweepSettings& settings, const JointStart& start,
                                      const Device& device, TrainObserver& observer) {
  const Model trained =
      train(joint_training(task, settings, start.model), start.train, device, observer, {}, false, start.model).model;
  const CascadeTable test =
      cascade_table(trained, device, start.test, all_indices(start.test.size()), {.max_batch = start.batch_size});
  return judge(task, settings, test, 0.5, 0.5);
}

std::vector<SweepTask> sweep_tasks(const SweepSettings& settings, std::size_t stages) {
  std::vector<SweepTask> tasks;
  const auto add = [&](PolicyKind kind, std::optional<std::uint64_t> seed, int count) {
    for (int i = 0; i < count; ++i) tasks.push_back({.policy = kind, .seed = seed, .index = i});
  };
  for (const PolicyKind kind : settings.policies) {
    if (kind == PolicyKind::sample)
      throw UsageError("sweep: policy sample only draws what learned decides; take learned");
    if (asks_model(kind)) {
      for (const double alpha : settings.alphas)
        for (int s = 0; s < settings.seeds; ++s)
          tasks.push_back(
              {.policy = kind, .alpha = alpha, .seed = settings.first_seed + static_cast<std::uint64_t>(s)});
      if (settings.alphas.empty()) throw UsageError("sweep: --alpha names no value, which learned and ann need");
    } else if (kind == PolicyKind::random) {
      add(kind, settings.first_seed, settings.thresholds);
    } else {
      add(kind, {},
          kind == PolicyKind::fixed ? static_cast<int>(stages)
          : has_threshold(kind)     ? settings.thresholds
                                    : 1);
    }
  }
  if (!settings.joint.empty() && settings.alphas.empty())
    throw UsageError("sweep: --alpha names no value, which joint training needs");
  for (const JointLoss loss : settings.joint) {
    for (const double alpha : settings.alphas)
      for (int s = 0; s < settings.seeds; ++s)
        tasks.push_back({.policy = PolicyKind::learned,
                         .alpha = alpha,
                         .seed = settings.first_seed + static_cast<std::uint64_t>(s),
                         .joint = loss});
  }
  if (tasks.empty() || settings.combines.empty()) throw UsageError("sweep: nothing to do; give --policy and --combine");
  return tasks;
}

std::vector<TaskPoint> run_task(const SweepTask& task, const SweepSettings& settings, const Device& device,
                                SweepTables& tables) {
  if (task.policy == PolicyKind::fixed) {
    const auto stage = static_cast<std::size_t>(task.index);
    return {{task, task.index, Combine::last, simulate_static(tables.test, stage)}};
  }
  if (task.policy == PolicyKind::oracle) return judge(task, settings, tables.test, 1, {});
  if (asks_model(task.policy)) {
    refit(task, settings, device, tables);
    return judge(task, settings, tables.test, 0.5, 0.5);
  }
  const auto score = make_score(task.policy, {task.seed.value_or(0), tables.test.combination});
  const std::vector<double> limits =
      spread_limits(tables.held_out, scores_of(tables.held_out, *score), settings.thresholds, false);
  const auto index = static_cast<std::size_t>(task.index);
  if (index >= limits.size()) return {};
  return judge(task, settings, tables.test, limits[index], score->parameter_of(limits[index]));
}

}  // namespace cascadecl
