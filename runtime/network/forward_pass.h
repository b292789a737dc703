#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "runtime/network/batch_norm_mode.h"
#include "runtime/network/plan_step.h"
#include "runtime/network/step_clock.h"
#include "runtime/network/steps/step.h"
#include "runtime/opencl/parallel_queues.h"

namespace cascadecl {

// The steps of a lowered network on one device: the part that inference and training share. The owner provides the
// memory of the tensors.
class ForwardPass {
 public:
  // For inference, residual units are fused to blocks where the device can.
  ForwardPass(const Device& device, const Network& network, const ParameterStore& parameters,
              const PassSettings& settings);

  PassState& state() { return state_; }
  const PassState& state() const { return state_; }
  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  // The number of first steps that may run some images ahead of others. Their tensors may share memory only if they
  // have one size, so that an image has the same place in both.
  std::size_t steps_apart() const { return steps_apart_; }
  int logits() const { return steps_.back()->lowered().out(); }          // the tensor of the last dense layer,
  int features() const { return steps_.back()->lowered().in().tensor; }  // and the tensor that enters it

  void prepare_weights();       // after each change of the weights
  void prepare_frozen_norms();  // after each change of the batch norms' values; for frozen runs
  // Frozen: prepare_frozen_norms() must have been called. batch: statistics of these n images.
  // With a clock it waits for the device after each step.
  void run(int n, const ActivationArray& images, BatchNormMode mode, StepClock* clock = nullptr);

  std::vector<PlanStep> plan_steps() const;
  TuningUses tuning_uses() const;    // kernels with tunables that the steps run, and the batch norms between them
  std::size_t weight_bytes() const;  // transformed filters

 private:
  std::size_t run_apart(int n);
  void run_share(std::size_t queue, int n);

  PassState state_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::optional<ParallelQueues> queues_;  // for the first steps_apart_ steps
  std::size_t steps_apart_ = 0;
};

}  // namespace cascadecl
