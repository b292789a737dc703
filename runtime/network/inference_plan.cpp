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
class SharedBuffers {
 public:
  explicit SharedBuffers(const ForwardPass& forward)
      : forward_(forward), pass_(forward.state()), buffer_of_(pass_.lowering().tensors.size(), -1) {
    const std::vector<LoweredStep>& steps = pass_.lowering().steps;
    for (std::size_t s = 0; s < steps.size(); ++s) place(steps[s], s);
  }

  std::vector<ActivationArray> allocate(const Device& device) {
    pool_.allocate(device);
    std::vector<ActivationArray> tensors(buffer_of_.size());
    for (std::size_t t = 0; t < buffer_of_.size(); ++t) {
      if (buffer_of_[t] < 0) continue;
      const int tensor = static_cast<int>(t);
      tensors[t] = ActivationArray(pool_[buffer_of_[t]].buffer(), pass_.elements(tensor), pass_.precision(tensor));
    }
    return tensors;
  }

 private:
  std::size_t floats_of(int tensor) const {
    const std::size_t bytes = pass_.elements(tensor) * element_bytes(pass_.precision(tensor));
    return (bytes + sizeof(float) - 1) / sizeof(float);
  }

  int take(std::size_t floats, std::size_t s) {
    return s < forward_.steps_apart() ? pool_.take_equal(floats) : pool_.take(floats);
  }

  void place(const LoweredStep& step, std::size_t s) {
    for (const int tensor : step.outputs) {
      const int reused = tensor == step.out() ? buffer_in_place(step, s) : -1;
      if (reused >= 0) pool_.hold(reused, floats_of(tensor));
      buffer_of_[to_size(tensor)] = reused >= 0 ? reused : take(floats_of(tensor), s);
    }
    for (const int tensor : step.outputs) {  // what only the step itself reads is not needed any more
      if (pass_.tensor(tensor).readers == 0) pool_.release(buffer_of_[to_size(tensor)]);
    }
    std::set<int> inputs;
    for (const LoweredView& in : step.inputs) inputs.insert(in.tensor);
    for (const int tensor : inputs) {
      if (tensor > 0 && is_last_reader(tensor, s)) pool_.release(buffer_of_[to_size(tensor)]);
    }
  }

  bool is_last_reader(int tensor, std::size_t s) const {
    return pass_.tensor(tensor).last_reader == static_cast<int>(s);
  }

  // The buffer of the input that the result may be written over, if nothing else reads that input; -1 if there is none.
  int buffer_in_place(const LoweredStep& step, std::size_t s) const {
    if (step.in_place < 0) return -1;
    const int tensor = step.inputs[to_size(step.in_place)].tensor;
    const auto reads = [&](const LoweredView& in) { return in.tensor == tensor; };
    const bool alone = std::ranges::count_if(step.inputs, reads) == 1 && is_last_reader(tensor, s);
    return tensor > 0 && alone ? buffer_of_[to_size(tensor)] : -1;
  }

  const ForwardPass& forward_;
  const PassState& pass_;
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
        forward(d, network, parameters, {.max_batch = batch, .kernels = kernels, .precision = chosen}) {
    forward.prepare_weights();
    memory.weights = parameters.bytes();
    memory.transformed = forward.weight_bytes();
    memory.scratch = meter.lap() - memory.weights - memory.transformed;
    forward.state().set_tensors(SharedBuffers(forward).allocate(d));
    memory.activations = meter.lap();
    forward.prepare_frozen_norms();
  }
  void check(int n, const ActivationArray& images) const {
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

Array<float> InferencePlan::run(int n, const ActivationArray& images) {
  state_->check(n, images);
  state_->forward.run(n, images, BatchNormMode::frozen);
  return state_->forward.state().floats(state_->forward.logits());
}

Array<float> InferencePlan::features() const { return state_->forward.state().floats(state_->forward.features()); }

std::vector<double> InferencePlan::time_steps(int n, const ActivationArray& images) {
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
std::vector<PlanStep> InferencePlan::steps() const { return state_->forward.plan_steps(); }

TuningUses InferencePlan::tuning_uses() const { return state_->forward.tuning_uses(); }

}  // namespace cascadecl
