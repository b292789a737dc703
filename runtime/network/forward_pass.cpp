#include "runtime/network/forward_pass.h"

#include <algorithm>

#include "runtime/network/step_geometry.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// Small batches leave cores idle at the end of each launch, and their launches are short. So shares of the images take
// their way through a network apart, each on a queue of its own: two are enough for cores to go on with one while the
// last image of the other's launch is run.
constexpr std::size_t kQueues = 2;

// With fewer images that costs more than it gives. With more the ends of launches do not matter, and it takes memory,
// so that a plan for larger batches never does it.
bool gains_apart(const Device& device, int images) {
  constexpr int fewest = 4 * static_cast<int>(kQueues), most_of_core = 16;
  const int cores = static_cast<int>(device.info().compute_units);
  return coarse_items(device) && cores > 1 && images >= fewest && images <= most_of_core * cores;
}

Lowering lower_for(const Device& device, const Network& network, const PassSettings& settings) {
  Lowering lowering = lower(network);
  if (settings.training) return lowering;
  return fuse_for_device(device, network, lowering, settings.kernels, settings.max_batch);
}

}  // namespace

ForwardPass::ForwardPass(const Device& device, const Network& network, const ParameterStore& parameters,
                         const PassSettings& settings)
    : state_(device, network, parameters, lower_for(device, network, settings), settings) {
  for (const LoweredStep& step : state_.lowering().steps) steps_.push_back(step.kind->make(state_, step));
  const auto other = std::ranges::find_if_not(steps_, [](const auto& step) { return step->can_run_apart(); });
  const auto apart = static_cast<std::size_t>(other - steps_.begin());
  if (apart == 0 || !gains_apart(device, settings.max_batch)) return;
  steps_apart_ = apart;
  queues_.emplace(device, kQueues);
}

void ForwardPass::prepare_weights() {
  for (const auto& step : steps_) step->prepare_weights();
}

void ForwardPass::prepare_frozen_norms() {
  state_.prepare_frozen_norms();
  for (const auto& step : steps_) step->prepare_frozen_norms();
}

void ForwardPass::run(int n, const ActivationArray& images, BatchNormMode mode, StepClock* clock) {
  state_.set_images(images);
  if (mode == BatchNormMode::batch) state_.prepare_norms(0, n, false);
  CommandLog* const log = state_.device().command_log();
  for (std::size_t s = clock ? 0 : run_apart(n); s < steps_.size(); ++s) {
    Step& step = *steps_[s];
    if (log) log->set_layers(layer_names(state_.network(), step.lowered()));
    step.forward(n);
    if (mode == BatchNormMode::batch) state_.prepare_norms(step.lowered().out(), n, step.measures_output());
    if (clock) clock->lap();
  }
  if (log) log->set_layers({});
}

// Runs the steps that the network begins with on several queues, if that gains. Returns how many it ran.
std::size_t ForwardPass::run_apart(int n) {
  if (!queues_ || queues_->size() < 2 || !gains_apart(state_.device(), n)) return 0;
  if (!steps_.front()->runs_apart(n)) return 0;
  queues_->fork();
  try {
    for (std::size_t q = 0; q < queues_->size(); ++q) run_share(q, n);
  } catch (...) {
    queues_->join();  // what has started still works on the tensors
    throw;
  }
  queues_->join();
  return steps_apart_;
}

void ForwardPass::run_share(std::size_t queue, int n) {
  const auto begin = [&](std::size_t q) { return static_cast<int>(to_size(n) * q / queues_->size()); };
  const int first = begin(queue), end = begin(queue + 1);
  for (std::size_t s = 0; s < steps_apart_; ++s) steps_[s]->forward_share(first, end - first, (*queues_)[queue]);
}

std::vector<PlanStep> ForwardPass::plan_steps() const {
  std::vector<PlanStep> plan;
  for (const auto& step : steps_) {
    const VariantChoice choice = step->choice();
    PlanStep entry{.layers = layer_names(state_.network(), step->lowered()),
                   .variant = choice.variant,
                   .reason = choice.reason,
                   .declined = choice.declined,
                   .parameters = choice.parameters,
                   .source = choice.source};
    for (int i : step->lowered().layers)
      entry.mmac += static_cast<double>(state_.network().macs(state_.layer(i))) / 1e6;
    plan.push_back(std::move(entry));
  }
  return plan;
}

TuningUses ForwardPass::tuning_uses() const {
  TuningUses uses;
  for (const auto& step : steps_) {
    TuningUses of_step = step->tuning_uses();
    for (TuningUse& use : of_step) use.layers = layer_names(state_.network(), step->lowered());
    append(uses, std::move(of_step));
  }
  append(uses, state_.norm_uses());
  return uses;
}

std::size_t ForwardPass::weight_bytes() const {
  std::size_t bytes = 0;
  for (const auto& step : steps_) bytes += step->weight_bytes();
  return bytes;
}

}  // namespace cascadecl
