#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/ops/image_input.h"
#include "trainer/joint_epoch.h"
#include "trainer/observer.h"
#include "trainer/policy_learning.h"

namespace cascadecl {

struct JointSettings {
  int epochs = 2;
  int batch_size = 128;
  int micro_batch = 0;          // images that a stage computes at once, as in PretrainSettings; does not change results
  double learning_rate = 1e-4;  // the largest of a one-cycle schedule over all joint epochs
  double momentum = 0.9, weight_decay = 5e-4;
  bool augment = true;
  Flip flip = Flip::random;
  std::uint64_t seed = 1;
  PolicyLearning learning;  // what the reward is, and how its gradient is estimated
};

// Everything that the stages' side of the joint phase needs to go on.
struct JointState {
  EpochProgress progress;
  std::vector<Parameters> parameters, momentum;  // [stages]; momentum empty: zero
};

// The stages' side of the joint phase. Every image passes the stages until its policy, drawn at random, says stop. The
// stage it stops at learns from the reward (paper, 3.3). So later stages see, and compute, only the images that reach
// them. Batch-norm statistics are frozen, since a stage's images are a biased sample. The policies are given; they
// learn on images that the stages do not fit (share/doc/policy.md).
class JointTrainer {
 public:
  // relative_costs [stages]; policies [stages - 1]. Keeps a reference to data. Throws UsageError for
  // RewardLabel::argmax, under which the stages have no gradient.
  JointTrainer(const Device& device, const std::vector<Network>& networks, const Dataset& data,
               std::vector<std::int64_t> fit, const std::vector<double>& relative_costs, const JointSettings& settings,
               const std::vector<Policy>& policies, const JointState& state);
  ~JointTrainer();

  // Runs (the rest of) the current epoch. In the EpochRecord, loss is minus the mean reward and mac_fraction the cost
  // of what was computed here. Throws TrainingError if the loss is not finite.
  EpochOutcome run_epoch(TrainObserver& observer);
  // Takes over the policies of a model.
  void set_cascade(const Model& model);

  bool finished() const;
  // Images that each stage has computed, [stages], since the trainer was made.
  std::vector<std::int64_t> computed() const;
  JointState state() const;
  std::vector<Parameters> parameters() const;
  const EpochRecord& last_epoch() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
