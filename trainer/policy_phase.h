#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/label_probabilities.h"
#include "trainer/policy_learning.h"

namespace cascadecl {

struct PolicyPhaseSettings {
  PolicyLearning learning;
  int batch_size = 128;
  double momentum = 0.9;
  std::uint64_t seed = 1;
};

// One epoch of the phase, measured after it on the phase's own images.
struct PolicyEpoch {
  int epoch = 0;  // from 0
  double learning_rate = 0, entropy = 0;
  double expected_reward = 0;      // mean, stopping at random by pi
  std::vector<double> exit_share;  // [stages], of images that stop where pi >= 1/2; sums to 1
  double mean_cost = 0;            // of these exits, relative to the largest stage, all stages visited paid for
  double accuracy = 0;  // of these exits: the true label is among the top_k most probable ones of the exit's stage
};

// Everything that a phase needs to go on as if it had never been interrupted.
struct PolicyPhaseState {
  int epoch = 0;  // epochs done
  std::vector<Policy> policies, momentum;
  std::vector<PolicyEpoch> history;
};

// The policy phase: trains the stopping policies of a cascade whose stages are frozen. It learns from the label
// probabilities of all stages, on images that the stages were not fitted to (share/doc/policy.md).
class PolicyPhase {
 public:
  //   probabilities  [stages][images][classes]  host; copied to the device once. As policies see them, and the reward
  //                                             judges them: see as_policies_see()
  //   labels         [images]                   0..classes-1
  //   relative_costs [stages]                   F_t: MACs of stage t and its policy divided by the largest stage's
  //   features       [stages - 1 or more]       for PolicyInput::features, else not looked at
  // Throws ShapeError if the sizes disagree, UsageError if a setting is out of range or there is only one stage.
  PolicyPhase(const Device& device, const PolicyPhaseSettings& settings, const std::vector<double>& relative_costs,
              int classes, std::span<const float> probabilities, std::span<const int> labels,
              const StageFeatures& features = {});
  PolicyPhase(PolicyPhase&&) noexcept;
  PolicyPhase& operator=(PolicyPhase&&) noexcept;
  ~PolicyPhase();

  bool finished() const;  // all epochs done
  // Trains one epoch and returns its entry in history(). Same settings, data, device and build: same bits. Throws
  // TrainingError if the expected reward is not finite.
  const PolicyEpoch& run_epoch();
  const std::vector<PolicyEpoch>& history() const;
  std::vector<Policy> policies() const;

  PolicyPhaseState state() const;
  void restore(const PolicyPhaseState& state);  // ShapeError if it is of other policies

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
