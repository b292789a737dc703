#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/network/description.h"
#include "runtime/network/parameters.h"
#include "runtime/network/plan_memory.h"
#include "runtime/network/plan_step.h"
#include "runtime/ops/activation_array.h"
#include "runtime/ops/layout.h"
#include "runtime/ops/trials/tuning_use.h"

namespace cascadecl {

// A network made ready for inference on one device, in batches of up to max_batch images. Batch norm, ReLU and the
// residual add are fused into the convolutions. Activations that are never alive together share memory.
class InferencePlan {
 public:
  // kernels: the class of the convolutions' kernels, in the device's channel block; automatic takes the device's class.
  // Checks the parameters (ShapeError). Throws DeviceError if the device lacks the memory, DeviceNotFoundError if it
  // cannot run the precision.
  InferencePlan(const Device& device, const Network& network, const Parameters& parameters, int max_batch,
                KernelClass kernels = KernelClass::automatic, Precision precision = Precision::fp32);
  InferencePlan(InferencePlan&&) noexcept;
  InferencePlan& operator=(InferencePlan&&) noexcept;
  ~InferencePlan();

  // Enqueues the network for the first `n` images (1 <= n <= max_batch) and returns at once. Throws ShapeError for
  // other n, and for images of another precision than the plan's.
  //   images   [n][C/b][H][W][b]  normalised, as image_elements() says; not changed
  //   returns  [max_batch][classes] logits, row-major; the first n rows are valid until the next run
  Array<float> run(int n, const ActivationArray& images);

  // The pooled features that entered the dense layer in the last run: [max_batch][features], valid until the next one.
  Array<float> features() const;

  // Runs like run(), but waits for the device after each step. Returns the seconds of each of steps().
  std::vector<double> time_steps(int n, const ActivationArray& images);

  // The memory() that such a plan would have, found without allocating or building anything.
  static PlanMemory memory_needed(const Device& device, const Network& network, int max_batch,
                                  KernelClass kernels = KernelClass::automatic, Precision precision = Precision::fp32);

  int max_batch() const;
  Precision precision() const;  // of the images and all activations; logits are float
  PlanMemory memory() const;
  std::vector<PlanStep> steps() const;
  TuningUses tuning_uses() const;  // the kernels with tunables that it runs

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
