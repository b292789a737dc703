#include "runtime/network/inference_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "data/error.h"
#include "runtime/network/forward_pass.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

// Gives each tensor of a forward pass memory from as few arrays as their lifetimes allow: a tensor takes an array whose
// tensor nobody reads any more. A convolution with a residual may write over it where that is its last reader.
class MemoryPlan {
 public:
  explicit MemoryPlan(const ForwardPass& forward) : forward_(forward), slot_of_(forward.lowering().tensors.size(), -1) {
    const Lowering& lowering = forward.lowering();
    for (std::size_t s = 0; s < lowering.steps.size(); ++s) place(lowering.steps[s], static_cast<int>(s));
  }

  std::vector<Activation> allocate(const Device& device) const {
    std::vector<Array<std::byte>> arrays;
    std::vector<Activation> tensors(slot_of_.size());
    for (std::size_t bytes : slot_bytes_) arrays.push_back(device.allocate<std::byte>(bytes));
    for (std::size_t t = 0; t < slot_of_.size(); ++t) {
      if (slot_of_[t] < 0) continue;
      const int tensor = static_cast<int>(t);
      tensors[t] = Activation(arrays[static_cast<std::size_t>(slot_of_[t])].buffer(), forward_.tensor_elements(tensor),
                              forward_.tensor_precision(tensor));
    }
    return tensors;
  }

  std::size_t bytes() const { return std::accumulate(slot_bytes_.begin(), slot_bytes_.end(), std::size_t{0}); }

 private:
  void place(const LoweredStep& step, int s) {
    const std::size_t bytes = forward_.tensor_elements(step.out) * element_bytes(forward_.tensor_precision(step.out));
    int slot = residual_slot(step, s);
    if (slot < 0) slot = free_slot(bytes);
    slot_bytes_[static_cast<std::size_t>(slot)] = std::max(slot_bytes_[static_cast<std::size_t>(slot)], bytes);
    free_at_[static_cast<std::size_t>(slot)] = false;
    slot_of_[static_cast<std::size_t>(step.out)] = slot;
    for (int tensor : {step.in.tensor, step.other.tensor, step.residual}) release(tensor, s, slot);
  }

  int residual_slot(const LoweredStep& step, int s) const {
    if (step.residual <= 0 || step.residual == step.in.tensor) return -1;
    return forward_.tensor_facts(step.residual).last_reader == s ? slot_of_[static_cast<std::size_t>(step.residual)]
                                                                 : -1;
  }

  int free_slot(std::size_t bytes) {
    int best = -1;  // the smallest that is large enough, else the largest
    for (std::size_t i = 0; i < slot_bytes_.size(); ++i) {
      if (!free_at_[i]) continue;
      const bool fits = slot_bytes_[i] >= bytes;
      const std::size_t best_bytes = best < 0 ? 0 : slot_bytes_[static_cast<std::size_t>(best)];
      const bool best_fits = best >= 0 && best_bytes >= bytes;
      if (best < 0 || (fits && (!best_fits || slot_bytes_[i] < best_bytes)) ||
          (!fits && !best_fits && slot_bytes_[i] > best_bytes)) {
        best = static_cast<int>(i);
      }
    }
    if (best >= 0) return best;
    slot_bytes_.push_back(0);
    free_at_.push_back(true);
    return static_cast<int>(slot_bytes_.size()) - 1;
  }

  void release(int tensor, int s, int taken) {
    if (tensor <= 0 || forward_.tensor_facts(tensor).last_reader != s) return;
    const int slot = slot_of_[static_cast<std::size_t>(tensor)];
    if (slot >= 0 && slot != taken) free_at_[static_cast<std::size_t>(slot)] = true;
  }

  const ForwardPass& forward_;
  std::vector<int> slot_of_;  // by tensor; the image has none
  std::vector<std::size_t> slot_bytes_;
  std::vector<bool> free_at_;
};

}  // namespace

struct InferencePlan::State {
  Device device;
  int max_batch;
  Precision precision;
  ParameterStore parameters;
  ForwardPass forward;
  std::size_t activation_bytes = 0;

  State(const Device& d, const Network& network, const Parameters& p, int batch, KernelClass kernels, Precision chosen)
      : device(d),
        max_batch(batch),
        precision(chosen),
        parameters(d, network, p),
        forward(d, network, parameters, batch, kernels, false, chosen) {
    const MemoryPlan memory(forward);
    forward.set_tensors(memory.allocate(d));
    activation_bytes = memory.bytes();
    forward.prepare_weights();
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

std::vector<double> InferencePlan::time_steps(int n, const Activation& images) {
  state_->check(n, images);
  StepClock clock(state_->device);
  state_->forward.run(n, images, BatchNormMode::frozen, &clock);
  return clock.seconds();
}

int InferencePlan::max_batch() const { return state_->max_batch; }
Precision InferencePlan::precision() const { return state_->precision; }
std::size_t InferencePlan::activation_bytes() const { return state_->activation_bytes; }
std::size_t InferencePlan::peak_bytes() const {
  return state_->activation_bytes + state_->parameters.bytes() + state_->forward.weight_bytes();
}
std::vector<PlanStep> InferencePlan::steps() const { return state_->forward.steps(); }

}  // namespace cascadecl
