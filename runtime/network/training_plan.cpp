#include "runtime/network/training_plan.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/backward_pass.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {

struct TrainingPlan::State {
  Device device;
  int max_batch;
  AllocationMeter meter;
  PlanMemory memory;
  ParameterStore parameters;
  Array<float> gradients, momentum, logit_gradient, sum;
  ForwardPass forward;
  BackwardPass backward;
  Sgd sgd;
  int last_n = 0;
  BatchNormMode last_mode = BatchNormMode::batch;
  bool summing = false;  // sum holds gradients
  bool stale = true;     // the filters must be transformed before the next forward

  State(const Device& d, const Network& network, const Parameters& p, int batch, KernelClass kernels)
      : device(d),
        max_batch(batch),
        meter(d),
        parameters(d, network, p),
        gradients(parameters.make_companion()),
        momentum(parameters.make_companion()),
        logit_gradient(d.allocate<float>(to_size(batch) * to_size(network.classes()))),
        forward(d, network, parameters, {.max_batch = batch, .kernels = kernels, .training = true}),
        backward(forward, parameters, parameters.companion_slices(gradients), logit_gradient),
        sgd(d, parameters.trained().size()) {
    prepare_weights();
    memory.weights = parameters.bytes() + momentum.size() * sizeof(float);
    memory.gradients = backward.gradient_bytes() + (gradients.size() + logit_gradient.size()) * sizeof(float);
    memory.transformed = forward.weight_bytes() + backward.weight_bytes();
    memory.scratch = meter.lap() - memory.total();
    std::vector<ActivationArray> tensors(forward.state().lowering().tensors.size());
    for (std::size_t t = 1; t < tensors.size(); ++t)
      tensors[t] = d.allocate<float>(forward.state().elements(static_cast<int>(t)));
    forward.state().set_tensors(std::move(tensors));
    memory.activations = meter.lap();
  }
  void prepare_weights() {
    forward.prepare_weights();
    backward.prepare_weights();
    stale = false;
  }
  void run_forward(int n, const Array<float>& images, BatchNormMode mode, StepClock* clock) {
    if (n < 1 || n > max_batch) throw ShapeError(fmt::format("batch of {}: the plan takes 1 to {}", n, max_batch));
    if (stale) prepare_weights();
    if (mode == BatchNormMode::frozen) forward.prepare_frozen_norms();
    forward.run(n, images, mode, clock);
    last_n = n;
    last_mode = mode;
  }
};

TrainingPlan::TrainingPlan(const Device& device, const Network& network, const Parameters& parameters, int max_batch,
                           KernelClass kernels) {
  if (max_batch < 1) throw UsageError(fmt::format("batch size {}: expected at least 1", max_batch));
  state_ = std::make_unique<State>(device, network, parameters, max_batch, kernels);
}
TrainingPlan::TrainingPlan(TrainingPlan&&) noexcept = default;
TrainingPlan& TrainingPlan::operator=(TrainingPlan&&) noexcept = default;
TrainingPlan::~TrainingPlan() = default;

Array<float> TrainingPlan::forward(int n, const Array<float>& images, BatchNormMode mode) {
  state_->run_forward(n, images, mode, nullptr);
  return state_->forward.state().floats(state_->forward.logits());
}

Array<float> TrainingPlan::logit_gradient() const { return state_->logit_gradient; }
Array<float> TrainingPlan::features() const { return state_->forward.state().floats(state_->forward.features()); }
int TrainingPlan::feature_count() const { return state_->forward.state().shape(state_->forward.features()).channels; }

void TrainingPlan::backward() {
  if (state_->last_n == 0) throw UsageError("backward pass: no forward pass came before it");
  state_->backward.run(state_->last_n, state_->last_mode);
}

void TrainingPlan::prepare_accumulation() {
  if (!state_->sum.empty()) return;
  state_->sum = state_->parameters.make_companion();
  state_->memory.gradients += state_->sum.size() * sizeof(float);
}

void TrainingPlan::accumulate() {
  prepare_accumulation();
  if (state_->summing) {
    state_->sgd.add(state_->sum, state_->gradients);
  } else {
    state_->device.copy(state_->gradients, state_->sum, state_->sum.size());
  }
  state_->summing = true;
}

std::vector<double> TrainingPlan::time_steps(int n, const Array<float>& images, BatchNormMode mode) {
  StepClock forward(state_->device);
  state_->run_forward(n, images, mode, &forward);
  StepClock backward(state_->device);
  state_->backward.run(n, mode, &backward);
  std::vector<double> seconds = forward.seconds();
  seconds.insert(seconds.end(), backward.seconds().begin(), backward.seconds().end());
  StepClock sgd(state_->device);
  step({.learning_rate = 0});
  sgd.lap();
  seconds.push_back(sgd.seconds().front());
  return seconds;
}

void TrainingPlan::step(const SgdSettings& settings) {
  state_->sgd.step(state_->parameters.trained(), state_->summing ? state_->sum : state_->gradients, state_->momentum,
                   settings);
  state_->summing = false;
  state_->stale = true;
}

void TrainingPlan::step(const SgdSettings& settings, float scale) {
  if (scale == 1) return step(settings);
  const Array<float>& weights = state_->parameters.trained();
  const auto [begin, end] = state_->parameters.last_layer();
  SgdSettings scaled = settings;
  scaled.learning_rate *= scale;
  const auto part = [&](std::size_t first, std::size_t last, const SgdSettings& of) {
    state_->sgd.step_part(first, last - first, weights, state_->summing ? state_->sum : state_->gradients,
                          state_->momentum, of);
  };
  part(0, begin, scaled);
  part(begin, end, settings);
  part(end, weights.size(), scaled);
  state_->summing = false;
  state_->stale = true;
}

Parameters TrainingPlan::parameters() const { return state_->parameters.download(); }
Parameters TrainingPlan::momentum() const { return state_->parameters.download(state_->momentum); }
Parameters TrainingPlan::gradients() const { return state_->parameters.download(state_->gradients); }

void TrainingPlan::set_parameters(const Parameters& parameters) {
  state_->parameters.upload(parameters);
  state_->stale = true;
}

void TrainingPlan::set_momentum(const Parameters& momentum) { state_->parameters.upload(state_->momentum, momentum); }

int TrainingPlan::max_batch() const { return state_->max_batch; }

PlanMemory TrainingPlan::memory() const { return state_->memory; }

PlanMemory TrainingPlan::memory_needed(const Device& device, const Network& network, int max_batch,
                                       KernelClass kernels) {
  const Device rehearsal = device.rehearsal();
  PlanMemory memory = TrainingPlan(rehearsal, network, zero_parameters(network), max_batch, kernels).memory();
  memory.largest_array = rehearsal.largest_array_bytes();
  return memory;
}

std::vector<PlanStep> TrainingPlan::steps() const {
  std::vector<PlanStep> steps = state_->forward.plan_steps();
  for (PlanStep& step : state_->backward.plan_steps()) steps.push_back(std::move(step));
  const VariantChoice& sgd = state_->sgd.choice();
  steps.push_back({.layers = "all parameters",
                   .operation = "sgd",
                   .variant = sgd.variant,
                   .parameters = sgd.parameters,
                   .source = sgd.source});
  return steps;
}

TuningUses TrainingPlan::tuning_uses() const {
  TuningUses uses = state_->forward.tuning_uses();
  append(uses, state_->backward.tuning_uses());
  uses.push_back(sgd_use(state_->device, state_->parameters.trained().size()));
  uses.back().layers = "all parameters";
  return uses;
}

}  // namespace cascadecl
