#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/runs/stage_costs.h"
#include "trainer/observer.h"
#include "trainer/per_stage.h"
#include "trainer/policy_learning.h"
#include "trainer/settings.h"

namespace cascadecl {

// Many operating points of the same frozen stages.
struct SweepSettings {
  std::vector<PolicyKind> policies;
  std::vector<double> alphas;  // of learned and ann
  int seeds = 1;               // learned and ann are fitted with seeds first_seed, first_seed + 1, ...
  std::uint64_t first_seed = 1;
  int thresholds = 15;            // of each policy that has a threshold
  std::vector<Combine> combines;  // the answers of every point
  PolicyLearning learning;        // its alpha is ignored
  // Also train stages and policies together, for each of these losses, alpha and seed.
  std::vector<JointLoss> joint;
  int joint_epochs = 20;
  PerStage<double> joint_learning_rate = 0.02;
  double reinforce_learning_rate = 1e-4;  // of JointLoss::reinforce
};

// One piece of work: a policy at one setting.
struct SweepTask {
  PolicyKind policy = PolicyKind::learned;
  std::optional<double> alpha;        // learned, ann
  std::optional<std::uint64_t> seed;  // learned, ann, random
  int index = 0;                      // which threshold or stage
  std::optional<JointLoss> joint;     // learned: the stages are trained with it, by this loss
  bool operator==(const SweepTask&) const = default;
};

// All pieces of work of a sweep for `stages` stages, in the order in which they are done. Throws UsageError if there is
// nothing to do: no policies, no answers to combine, or learned policies without an alpha or seed.
std::vector<SweepTask> sweep_tasks(const SweepSettings& settings, std::size_t stages);

// The result of a policy on the test images, with one way to combine.
struct TaskPoint {
  SweepTask task;
  std::optional<double> parameter;  // of the policy: its threshold or stage
  Combine combine = Combine::last;
  Simulation simulation;
};

// Held-out images, which policies are fitted and thresholds chosen on, and test images, which judge them. The two
// tables are of the same stages, and hold the same combination of their answers.
struct SweepTables {
  CascadeTable held_out, test;
};

// The points of one task, one for each combine. static and oracle, whose answer is that of one stage, have a single
// one. Policies without stop probabilities have no `reweight` beside `last`, since both are the same. A threshold that
// does not exist because scores take few values gives no points. The tables' stop probabilities are overwritten.
std::vector<TaskPoint> run_task(const SweepTask& task, const SweepSettings& settings, const Device& device,
                                SweepTables& tables);

// The start of joint tasks: the stages of a model. They are trained further on the images of its own training, with the
// batch, momentum, weight decay and augmentation that the model tells of. Its policies are drawn anew.
struct JointStart {
  const Model& model;
  const Dataset& train;
  const Dataset& test;
  int batch_size = 128;  // images that a stage runs at once when it is judged
};

// The points of one joint task: a training (phases policy and joint) of its own, judged on all test images. Throws
// UsageError if the model does not tell how it was trained, or was trained on other images, and as train() does.
std::vector<TaskPoint> run_joint_task(const SweepTask& task, const SweepSettings& settings, const JointStart& start,
                                      const Device& device, TrainObserver& observer);

}  // namespace cascadecl
