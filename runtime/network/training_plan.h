#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/network/batch_norm_mode.h"
#include "runtime/network/parameters.h"
#include "runtime/network/plan_memory.h"
#include "runtime/network/plan_step.h"
#include "runtime/opencl/device.h"
#include "runtime/ops/sgd.h"
#include "runtime/ops/trials/tuning_use.h"

namespace cascadecl {

// A network compiled for training on one device: forward, backward and SGD step, all on the device and deterministic.
class TrainingPlan {
 public:
  TrainingPlan(const Device& device, const Network& network, const Parameters& parameters, int max_batch,
               KernelClass kernels = KernelClass::automatic);
  TrainingPlan(TrainingPlan&&) noexcept;
  TrainingPlan& operator=(TrainingPlan&&) noexcept;
  ~TrainingPlan();

  // Enqueues the forward pass of `n` images (1 <= n <= max_batch) [n][C/b][H][W][b]; keeps what backward needs.
  // Returns logits [max_batch][classes], the first n rows valid.
  Array<float> forward(int n, const Array<float>& images, BatchNormMode mode);

  // The gradient of the loss by the logits, to be filled in between forward and backward: [max_batch][classes].
  Array<float> logit_gradient() const;

  // The pooled features that enter the dense layer in the last forward: [max_batch][features].
  Array<float> features() const;
  int feature_count() const;

  // Enqueues the backward pass of the last forward: fills gradients() (overwriting them).
  void backward();

  // For batches larger than memory: adds the gradients of the last backward() to those added since the last step(),
  // which then takes their sum. The order of the calls is the order of summation. The array for it is allocated by
  // prepare_accumulation() or the first call, and then part of memory().
  void accumulate();
  void prepare_accumulation();

  // Runs forward(), backward() and step() with learning rate 0, but waits for the device after each of steps(); the
  // gradient by the logits is taken as it is. Returns their seconds.
  std::vector<double> time_steps(int n, const Array<float>& images, BatchNormMode mode);

  // One step of SGD with momentum on all trained parameters, by the last gradients or by those accumulated.
  void step(const SgdSettings& settings);
  // The same with `scale` times the learning rate for all layers but the last.
  void step(const SgdSettings& settings, float scale);

  // Parameters and momentum as they are on the device, read to the host (waits), and put back.
  Parameters parameters() const;
  Parameters momentum() const;   // same keys, without running_*
  Parameters gradients() const;  // same keys, without running_*
  void set_parameters(const Parameters& parameters);
  void set_momentum(const Parameters& momentum);

  int max_batch() const;
  PlanMemory memory() const;
  // What memory() of such a plan would be, found without allocating or building anything.
  static PlanMemory memory_needed(const Device& device, const Network& network, int max_batch,
                                  KernelClass kernels = KernelClass::automatic);
  std::vector<PlanStep> steps() const;  // forward, backward, SGD
  TuningUses tuning_uses() const;       // the kernels with tunables that it runs

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
