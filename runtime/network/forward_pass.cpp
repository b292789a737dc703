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

// What an operation says of its kernel; pools have but one, without tunables.
constexpr auto choice_of = [](const auto& operation) -> VariantChoice {
  if constexpr (requires { operation.choice(); }) {
    return operation.choice();
  } else {
    return {};
  }
};

}  // namespace

ForwardPass::ForwardPass(const Device& device, const Network& network, const ParameterStore& parameters, int max_batch,
                         KernelClass kernels, bool statistics, Precision precision)
    : device_(device),
      network_(network),
      parameters_(&parameters),
      lowering_(lower(network_)),
      max_batch_(max_batch),
      precision_(precision) {
  if (!statistics) lowering_ = fuse_for_device(device_, network_, lowering_, kernels, max_batch_);
  for (const LoweredStep& step : lowering_.steps) {
    operations_.push_back(make_operation(step, max_batch, kernels, statistics));
  }
  const BatchNormUse use = statistics ? BatchNormUse::training : BatchNormUse::inference;
  std::size_t channels = 0;
  for (const LoweredTensor& t : lowering_.tensors) {
    for (int i : t.batch_norms) {
      const BatchNorm& norm = norms_.try_emplace(i, device, t.shape, batch_class(max_batch), use).first->second;
      channels = std::max(channels, norm.padded_channels());
    }
  }
  if (statistics && channels) moments_ = device.allocate<float>(to_size(max_batch) * 2 * channels);
  tensors_.resize(lowering_.tensors.size());
  const auto is_stage = [](const LoweredStep& step) { return step.kind == LoweredStep::Kind::residual_stage; };
  const auto other = std::ranges::find_if_not(lowering_.steps, is_stage);
  const auto stages = static_cast<std::size_t>(other - lowering_.steps.begin());
  if (stages == 0 || !gains_apart(device, max_batch)) return;
  steps_apart_ = stages;
  queues_.emplace(device, kQueues);
}

std::size_t ForwardPass::tensor_elements(int tensor) const {
  const LoweredTensor& t = tensor_facts(tensor);
  return to_size(max_batch_) * (t.rows ? to_size(t.shape.channels) : image_elements(t.shape, device_.channel_block()));
}

Precision ForwardPass::tensor_precision(int tensor) const {
  return tensor_facts(tensor).rows ? Precision::fp32 : precision_;
}

ConvGeometry ForwardPass::geometry(const LoweredStep& step) const { return conv_geometry(network_, lowering_, step); }

PoolGeometry ForwardPass::pool_geometry(const LoweredStep& step) const {
  const Layer& l = layer(step.layer);
  const ImageShape in = shape(step.in.tensor);
  if (l.type == LayerType::global_average_pool) return {in, in.height, in.height, 0, false};
  return {in, l.kernel_h, l.stride, l.padding, l.type == LayerType::max_pool};
}

ForwardPass::Operation ForwardPass::make_operation(const LoweredStep& step, int max_batch, KernelClass kernels,
                                                   bool statistics) const {
  const ImageShape in = shape(step.in.tensor);
  switch (step.kind) {
    case LoweredStep::Kind::convolution: {
      const bool measured = statistics && !tensor_facts(step.out).batch_norms.empty();
      return ConvForward(device_, geometry(step), {kind(step.in), step.residual >= 0, measured}, kernels,
                         batch_class(max_batch));
    }
    case LoweredStep::Kind::residual_stage:
      return ResidualStage(device_, stage_geometry(network_, lowering_, step), kernels, batch_class(max_batch),
                           precision_);
    case LoweredStep::Kind::add:
      return AddViews(device_, in, kind(step.in), kind(step.other), batch_class(max_batch));
    case LoweredStep::Kind::pool:
      return Pool(device_, pool_geometry(step), kind(step.in));
    case LoweredStep::Kind::global_pool:
      return GlobalAveragePool(device_, in, kind(step.in));
    case LoweredStep::Kind::dense:
      return Dense(device_, in.channels, layer(step.layer).out_channels, max_batch,
                   kernels == KernelClass::reference ? DenseVariant::plain : DenseVariant::automatic);
    default:
      return ViewMaterialize(device_, in, kind(step.in), batch_class(max_batch));
  }
}

View ForwardPass::view(const LoweredView& in) const {
  const Activation& data = activation(in.tensor);
  return in.batch_norm < 0 ? View{data, {}, {}} : norms_.at(in.batch_norm).view(data);
}

BatchNorm::ParameterArrays ForwardPass::norm_parameters(int i) const {
  const std::string& name = layer(i).name;
  const ParameterStore& p = *parameters_;
  return {p[name + "/gamma"], p[name + "/beta"], p[name + "/running_mean"], p[name + "/running_variance"]};
}

const Array<float>& ForwardPass::filters(const LoweredStep& step) const {
  return (*parameters_)[layer(step.layer).name + "/weight"];
}

void ForwardPass::prepare_weights() {
  for (std::size_t s = 0; s < operations_.size(); ++s) {
    const LoweredStep& step = lowering_.steps[s];
    if (auto* conv = std::get_if<ConvForward>(&operations_[s])) {
      conv->prepare(filters(step));
    } else if (auto* stage = std::get_if<ResidualStage>(&operations_[s])) {
      const std::size_t heads = step.parts.size() % 2;
      std::vector<Array<float>> convolutions;
      for (std::size_t i = heads; i < step.parts.size(); ++i) convolutions.push_back(filters(step.parts[i]));
      stage->prepare(heads ? filters(step.parts.front()) : Array<float>(), convolutions);
    }
  }
}

void ForwardPass::prepare_frozen_norms() {
  for (auto& [i, norm] : norms_) norm.prepare_frozen(norm_parameters(i));
  for (std::size_t s = 0; s < operations_.size(); ++s) {
    auto* stage = std::get_if<ResidualStage>(&operations_[s]);
    if (!stage) continue;
    std::vector<View> norms;
    for (const LoweredStep& part : lowering_.steps[s].parts) {
      if (part.in.batch_norm >= 0) norms.push_back(norms_.at(part.in.batch_norm).view({}));
    }
    if (const int norm = lowering_.steps[s].pooled_norm; norm >= 0) norms.push_back(norms_.at(norm).view({}));
    stage->prepare_norms(norms);
  }
}

void ForwardPass::prepare_norms(int tensor, int n, bool measured) {
  bool first = true;
  for (int i : tensor_facts(tensor).batch_norms) {
    BatchNorm& norm = norms_.at(i);
    if (first && !measured) norm.measure(n, this->tensor(tensor), moments_);
    norm.prepare(n, moments_, norm_parameters(i));
    first = false;
  }
}

void ForwardPass::run(int n, const Activation& images, BatchNormMode mode, StepClock* clock) {
  tensors_[0] = images;
  if (mode == BatchNormMode::batch) prepare_norms(0, n, false);
  CommandLog* const log = device_.command_log();
  for (std::size_t s = clock ? 0 : run_apart(n); s < operations_.size(); ++s) {
    if (log) log->set_layers(layer_names(network_, lowering_.steps[s]));
    run_step(s, n);
    if (mode == BatchNormMode::batch) {
      const auto* conv = std::get_if<ConvForward>(&operations_[s]);
      prepare_norms(lowering_.steps[s].out, n, conv && conv->fuses_statistics());
    }
    if (clock) clock->lap();
  }
  if (log) log->set_layers({});
}

// Runs the residual stages that the network begins with on several queues, if that gains. Returns how many it ran.
std::size_t ForwardPass::run_apart(int n) {
  if (!queues_ || queues_->size() < 2 || !gains_apart(device_, n)) return 0;
  if (std::get<ResidualStage>(operations_.front()).splits(n)) return 0;
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
  for (std::size_t s = 0; s < steps_apart_; ++s) {
    const LoweredStep& step = lowering_.steps[s];
    std::get<ResidualStage>(operations_[s])
        .run_share(first, end - first, activation(step.in.tensor), activation(step.out), pooled(step),
                   (*queues_)[queue]);
  }
}

Array<float> ForwardPass::pooled(const LoweredStep& step) const {
  return step.pooled < 0 ? Array<float>() : tensor(step.pooled);
}

void ForwardPass::run_step(std::size_t s, int n) {
  const LoweredStep& step = lowering_.steps[s];
  const View in = view(step.in);
  const Activation& out = activation(step.out);
  Operation& operation = operations_[s];
  if (auto* conv = std::get_if<ConvForward>(&operation)) {
    conv->run(n, in, step.residual < 0 ? Activation() : activation(step.residual), out, moments_);
  } else if (auto* stage = std::get_if<ResidualStage>(&operation)) {
    stage->run(n, in.data, out, pooled(step));
  } else if (auto* add = std::get_if<AddViews>(&operation)) {
    add->run(n, in, view(step.other), out);
  } else if (auto* pool = std::get_if<Pool>(&operation)) {
    pool->forward(n, in, out);
  } else if (auto* global = std::get_if<GlobalAveragePool>(&operation)) {
    global->forward(n, in, out.floats());
  } else if (auto* dense = std::get_if<Dense>(&operation)) {
    const std::string& name = layer(step.layer).name;
    dense->forward(n, in.data.floats(), (*parameters_)[name + "/weight"], (*parameters_)[name + "/bias"], out.floats());
  } else {
    std::get<ViewMaterialize>(operation).run(n, in, out);
  }
}

std::vector<PlanStep> ForwardPass::steps() const {
  std::vector<PlanStep> steps;
  for (std::size_t s = 0; s < operations_.size(); ++s) {
    const VariantChoice choice = std::visit(choice_of, operations_[s]);
    PlanStep step{.layers = layer_names(network_, lowering_.steps[s]),
                  .variant = choice.variant,
                  .reason = choice.reason,
                  .declined = choice.declined,
                  .parameters = choice.parameters,
                  .source = choice.source};
    for (int i : lowering_.steps[s].layers) step.mmac += static_cast<double>(network_.macs(layer(i))) / 1e6;
    steps.push_back(std::move(step));
  }
  return steps;
}

std::size_t ForwardPass::weight_bytes() const {
  std::size_t bytes = 0;
  for (const Operation& operation : operations_) {
    if (const auto* conv = std::get_if<ConvForward>(&operation)) bytes += conv->weight_bytes();
    if (const auto* stage = std::get_if<ResidualStage>(&operation)) bytes += stage->weight_bytes();
  }
  return bytes;
}

}  // namespace cascadecl
