#include "runtime/network/inference_plan.h"

#include <fmt/format.h>

#include <set>

#include "data/files/error.h"
#include "runtime/network/buffer_pool.h"
#include "runtime/network/forward_pass.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

// Gives each tensor of a forward pass memory from as few arrays as their lifetimes allow: a tensor takes an array whose
// tensor nobody reads any more. A convolution with a residual may write over it where that is its last reader.
class MemoryPlan {
 public:
  explicit MemoryPlan(const ForwardPass& forward)
      : forward_(forward), buffer_of_(forward.lowering().tensors.size(), -1) {
    const Lowering& lowering = forward.lowering();
    for (std::size_t s = 0; s < lowering.steps.size(); ++s) place(lowering.steps[s], static_cast<int>(s));
  }

  std::vector<Activation> allocate(const Device& device) {
    pool_.allocate(device);
    std::vector<Activation> tensors(buffer_of_.size());
    for (std::size_t t = 0; t < buffer_of_.size(); ++t) {
      if (buffer_of_[t] < 0) continue;
      const int tensor = static_cast<int>(t);
      tensors[t] = Activation(pool_[buffer_of_[t]].buffer(), forward_.tensor_elements(tensor),
                              forward_.tensor_precision(tensor));
    }
    return tensors;
  }

 private:
  std::size_t floats_of(int tensor) const {
    const std::size_t bytes = forward_.tensor_elements(tensor) * element_bytes(forward_.tensor_precision(tensor));
    return (bytes + sizeof(float) - 1) / sizeof(float);
  }

  int take(std::size_t floats, int s) {
    return to_size(s) < forward_.steps_apart() ? pool_.take_equal(floats) : pool_.take(floats);
  }

  void place(const LoweredStep& step, int s) {
    const std::size_t floats = floats_of(step.out);
    int buffer = residual_buffer(step, s);
    if (buffer < 0) {
      buffer = take(floats, s);
    } else {
      pool_.hold(buffer, floats);
    }
    buffer_of_[static_cast<std::size_t>(step.out)] = buffer;
    if (step.pooled >= 0) {  // what only the pool has read is not needed any more
      buffer_of_[static_cast<std::size_t>(step.pooled)] = take(floats_of(step.pooled), s);
      pool_.release(buffer);
    }
    for (int tensor : std::set<int>{step.in.tensor, step.other.tensor, step.residual}) release(tensor, s);
  }

  int residual_buffer(const LoweredStep& step, int s) const {
    if (step.residual <= 0 || step.residual == step.in.tensor) return -1;
    return forward_.tensor_facts(step.residual).last_reader == s ? buffer_of_[static_cast<std::size_t>(step.residual)]
                                                                 : -1;
  }

  void release(int tensor, int s) {
    if (tensor <= 0 || forward_.tensor_facts(tensor).last_reader != s) return;
    pool_.release(buffer_of_[static_cast<std::size_t>(tensor)]);
  }

  const ForwardPass& forward_;
  std::vector<int> buffer_of_;  // by tensor; the image has none
  BufferPool pool_;
};

}  // namespace

struct InferencePlan::State {
  Device device;
  int max_batch;
  Precision precision;
  AllocationMeter meter;
  PlanMemory memory;
  ParameterStore parameters;
  ForwardPass forward;

  State(const Device& d, const Network& network, const Parameters& p, int batch, KernelClass kernels, Precision chosen)
      : device(d),
        max_batch(batch),
        precision(chosen),
        meter(d),
        parameters(d, network, p),
        forward(d, network, parameters, batch, kernels, false, chosen) {
    forward.prepare_weights();
    memory.weights = parameters.bytes();
    memory.transformed = forward.weight_bytes();
    memory.scratch = meter.lap() - memory.weights - memory.transformed;
    forward.set_tensors(MemoryPlan(forward).allocate(d));
    memory.activations = meter.lap();
    forward.prepare_frozen_norms();
  }
  void check(int n, const Activation& images) const {
    if (n < 1 || n > max_batch) throw ShapeError(fmt::format("batch of {}: the plan takes 1 to {}", n, max_batch));
    if (images.precision() != precision) throw ShapeError("images of another precision than the plan's");
  }
};

InferencePlan::InferencePlan(const Device& device, const Network& network, const Parameters& parameters, int max_batch,
                             KernelClass kernels, Precision precision) {
  if (max_batch < 1) throw UsageError(fmt::format("batch size {}: expected at least 1", max_batch));
  require_precision(device.info(), precision);
  state_ = std::make_unique<State>(device, network, parameters, max_batch, kernels, precision);
}
InferencePlan::InferencePlan(InferencePlan&&) noexcept = default;
InferencePlan& InferencePlan::operator=(InferencePlan&&) noexcept = default;
InferencePlan::~InferencePlan() = default;

Array<float> InferencePlan::run(int n, const Activation& images) {
  state_->check(n, images);
  state_->forward.run(n, images, BatchNormMode::frozen);
  return state_->forward.tensor(state_->forward.lowering().steps.back().out);
}

Array<float> InferencePlan::features() const {
  return state_->forward.tensor(state_->forward.lowering().steps.back().in.tensor);
}

std::vector<double> InferencePlan::time_steps(int n, const Activation& images) {
  state_->check(n, images);
  StepClock clock(state_->device);
  state_->forward.run(n, images, BatchNormMode::frozen, &clock);
  return clock.seconds();
}

PlanMemory InferencePlan::memory_needed(const Device& device, const Network& network, int max_batch,
                                        KernelClass kernels, Precision precision) {
  const Device rehearsal = device.rehearsal();
  PlanMemory memory =
      InferencePlan(rehearsal, network, zero_parameters(network), max_batch, kernels, precision).memory();
  memory.largest_array = rehearsal.largest_array_bytes();
  return memory;
}

Precision InferencePlan::precision() const { return state_->precision; }

int InferencePlan::max_batch() const { return state_->max_batch; }
PlanMemory InferencePlan::memory() const { return state_->memory; }
std::vector<PlanStep> InferencePlan::steps() const { return state_->forward.steps(); }

}  // namespace cascadecl
