#include "runtime/network/backward_pass.h"

#include <algorithm>

#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// The choice of an operation that runs because one that would have done more at once declined.
VariantChoice behind(std::vector<Declined> declined, VariantChoice choice) {
  choice.declined.insert(choice.declined.begin(), declined.begin(), declined.end());
  return choice;
}

}  // namespace

BackwardPass::BackwardPass(const Device& device, ForwardPass& forward, const ParameterStore& parameters,
                           std::map<std::string, Array<float>, std::less<>> parameter_gradients,
                           const Array<float>& logit_gradient, int max_batch, KernelClass kernels)
    : device_(device),
      forward_(forward),
      parameters_(parameters),
      parameter_gradients_(std::move(parameter_gradients)),
      max_batch_(max_batch),
      kernels_(kernels),
      held_(forward.lowering().tensors.size()) {
  const auto& steps = forward_.lowering().steps;
  for (std::size_t s = steps.size(); s-- > 0;) {
    planned_ = &steps[s];
    if (steps[s].kind == LoweredStep::Kind::dense) {
      const int buffer = pool_.take(floats(steps[s].out));
      const int tensor = steps[s].out;
      add("copy of the loss's gradient", [this, buffer, tensor, logit_gradient](int n, BatchNormMode) {
        device_.copy(logit_gradient, pool_[buffer], to_size(n) * to_size(forward_.shape(tensor).channels));
      });
      held(tensor) = {buffer, -1};
    }
    plan_step(s);
  }
  pool_.allocate(device_);
  workspace_ = device_.allocate<float>(workspace_floats_);
}

void BackwardPass::prepare_weights() {
  for (const Filters& filters : filters_) filters.prepare(parameters_[filters.parameter]);
}

void BackwardPass::run(int n, BatchNormMode mode, StepClock* clock) {
  for (const Planned& planned : launches_) {
    planned.launch(n, mode);
    if (clock) clock->lap();
  }
}

std::vector<PlanStep> BackwardPass::steps() const {
  std::vector<PlanStep> steps;
  for (const Planned& planned : launches_) steps.push_back(planned.step);
  return steps;
}

void BackwardPass::add(std::string operation, Launch launch, const VariantChoice& choice, double mmac) {
  PlanStep step{.layers = layer_names(forward_.network(), *planned_),
                .operation = std::move(operation),
                .variant = choice.variant,
                .reason = choice.reason,
                .declined = choice.declined,
                .mmac = mmac,
                .parameters = choice.parameters,
                .source = choice.source};
  launches_.push_back({std::move(step), std::move(launch)});
}

double BackwardPass::mmac(const LoweredStep& step) const {
  return static_cast<double>(forward_.network().macs(forward_.layer(step.layer))) / 1e6;
}

std::size_t BackwardPass::weight_bytes() const {
  std::size_t bytes = 0;
  for (const Filters& filters : filters_) bytes += filters.bytes;
  return bytes;
}

void BackwardPass::plan_step(std::size_t s) {
  const LoweredStep& step = forward_.lowering().steps[s];
  if (held(step.out).buffer < 0) return;  // nothing depends on it
  if (step.kind == LoweredStep::Kind::convolution) {
    plan_convolution(step);
  } else {
    apply_pair(step.out);
    const int out = held(step.out).buffer;
    if (step.kind == LoweredStep::Kind::dense) {
      plan_dense(s);
    } else if (step.kind == LoweredStep::Kind::add) {
      plan_operand(step.in, out);
      plan_operand(step.other, out);
    } else if (step.kind == LoweredStep::Kind::materialize) {
      plan_operand(step.in, out);
    } else if (needs_gradient(step.in)) {
      const int in = pool_.take(floats(step.in.tensor));
      const LoweredView view = step.in;
      if (step.kind == LoweredStep::Kind::pool) {
        add("pool", [this, s, view, in, out](int n, BatchNormMode) {
          forward_.pool(s).backward(n, forward_.view(view), pool_[out], pool_[in]);
        });
      } else {
        add("global pool",
            [this, s, in, out](int n, BatchNormMode) { forward_.global_pool(s).backward(n, pool_[out], pool_[in]); });
      }
      propagate(view, in);
    }
  }
  pool_.release(held(step.out).buffer);
}

void BackwardPass::plan_dense(std::size_t s) {
  const LoweredStep& step = forward_.lowering().steps[s];
  const int out = held(step.out).buffer, features = step.in.tensor;
  const std::string name = forward_.layer(step.layer).name;
  const int in = pool_.take(floats(features));
  add("dense", [this, s, name, features, in, out](int n, BatchNormMode) {
    forward_.dense(s).backward_parameters(n, forward_.tensor(features), pool_[out],
                                          parameter_gradients_.at(name + "/weight"),
                                          parameter_gradients_.at(name + "/bias"));
    forward_.dense(s).backward_features(n, pool_[out], parameters_[name + "/weight"], pool_[in]);
  });
  contribute(features, in);
}

// One input of an operation whose gradient by that input is its gradient by its output.
void BackwardPass::plan_operand(const LoweredView& in, int buffer) {
  if (!needs_gradient(in)) return;
  if (in.plain()) {
    pool_.hold(buffer);
    contribute(in.tensor, buffer);
    return;
  }
  const int copy = pool_.take(floats(in.tensor));
  const std::size_t per_image = floats(in.tensor) / to_size(max_batch_);
  add("copy", [this, buffer, copy, per_image](int n, BatchNormMode) {
    device_.copy(pool_[buffer], pool_[copy], to_size(n) * per_image);
  });
  propagate(in, copy);
}

bool BackwardPass::reads_pair(const LoweredStep& step) const {
  if (step.kind != LoweredStep::Kind::convolution || step.residual >= 0) return false;
  const ConvGeometry g = forward_.geometry(step);
  const bool data = !needs_gradient(step.in) || ConvBackwardData::can_fuse(device_, g, kernels_);
  return data && ConvBackwardFilter::can_fuse(device_, g, kernels_);
}

void BackwardPass::plan_convolution(const LoweredStep& step) {
  if (!reads_pair(step)) apply_pair(step.out);
  const Held out = held(step.out);
  if (!needs_gradient(step.in)) {
    plan_filter_gradient(step, out, {});
  } else if (const std::string declined =
                 ConvBackward::declines(device_, forward_.geometry(step), forward_.kind(step.in), kernels_);
             declined.empty()) {
    plan_both_gradients(step, out);
  } else {
    plan_filter_gradient(step, out, {{"both gradients at once", declined}});
    plan_data_gradient(step, out, {{"both gradients at once", declined}});
  }
  if (step.residual > 0) {
    pool_.hold(out.buffer);
    contribute(step.residual, out.buffer);
  }
}

Gradient BackwardPass::gradient(int tensor, const Held& held) {
  if (held.pair_norm < 0) return {pool_[held.buffer], {}, {}, {}, {}};
  return forward_.norm(held.pair_norm).gradient(pool_[held.buffer], forward_.tensor(tensor));
}

void BackwardPass::plan_filter_gradient(const LoweredStep& step, const Held& out, std::vector<Declined> declined) {
  auto filter = std::make_shared<ConvBackwardFilter>(device_, forward_.geometry(step), forward_.kind(step.in),
                                                     out.pair_norm >= 0, kernels_, batch_class(max_batch_));
  workspace_floats_ = std::max(workspace_floats_, filter->workspace_floats());
  const Array<float> target = parameter_gradients_.at(forward_.layer(step.layer).name + "/weight");
  add(
      "gradient by filters",
      [this, filter, target, in = step.in, tensor = step.out, out](int n, BatchNormMode) {
        filter->run(n, forward_.view(in), gradient(tensor, out), workspace_, target);
      },
      behind(std::move(declined), filter->choice()), mmac(step));
}

ConvMask BackwardPass::mask(const LoweredView& in) {
  const Array<float>& t = forward_.tensor(in.tensor);
  if (in.batch_norm < 0) return {t, {}, {}, {}, {}};
  return forward_.norm(in.batch_norm).mask(t, forward_.moments());
}

void BackwardPass::plan_both_gradients(const LoweredStep& step, const Held& out) {
  const LoweredView in = step.in;
  const std::string parameter = forward_.layer(step.layer).name + "/weight";
  auto conv = std::make_shared<ConvBackward>(
      device_, forward_.geometry(step),
      ConvBackward::Fusion{.pair = out.pair_norm >= 0, .batch_norm = in.batch_norm >= 0}, batch_class(max_batch_));
  workspace_floats_ = std::max(workspace_floats_, conv->workspace_floats());
  filters_.push_back({parameter, conv->weight_bytes(), [conv](const Array<float>& weight) { conv->prepare(weight); }});
  const int buffer = pool_.take(floats(in.tensor));
  const Array<float> target = parameter_gradients_.at(parameter);
  add(
      "gradients by input and filters",
      [this, conv, in, tensor = step.out, out, buffer, target](int n, BatchNormMode) {
        conv->run(n, gradient(tensor, out), mask(in), workspace_, pool_[buffer], target);
      },
      conv->choice(), mmac(step));
  if (in.batch_norm >= 0) {
    finish_norm(in, buffer);
  } else {
    contribute(in.tensor, buffer);
  }
}

void BackwardPass::plan_data_gradient(const LoweredStep& step, const Held& out, std::vector<Declined> declined) {
  const LoweredView in = step.in;
  const ConvGeometry g = forward_.geometry(step);
  ConvBackwardData::Fusion fusion{.pair = out.pair_norm >= 0};
  const bool fuse = ConvBackwardData::can_fuse(device_, g, kernels_) && in.relu;
  if (fuse) fusion.mask = in.batch_norm >= 0 ? MaskKind::batch_norm_relu : MaskKind::relu;
  auto conv = std::make_shared<ConvBackwardData>(device_, g, fusion, kernels_, batch_class(max_batch_));
  filters_.push_back({forward_.layer(step.layer).name + "/weight", conv->weight_bytes(),
                      [conv](const Array<float>& weight) { conv->prepare(weight); }});
  const int buffer = pool_.take(floats(in.tensor));
  add(
      "gradient by input",
      [this, conv, in, tensor = step.out, out, buffer](int n, BatchNormMode) {
        conv->run(n, gradient(tensor, out), mask(in), {}, pool_[buffer]);
      },
      behind(std::move(declined), conv->choice()), mmac(step));
  if (!fuse) {
    propagate(in, buffer);
  } else if (in.batch_norm >= 0) {
    finish_norm(in, buffer);
  } else {
    contribute(in.tensor, buffer);
  }
}

void BackwardPass::propagate(const LoweredView& in, int buffer) {
  if (in.batch_norm >= 0) {
    add(
        "batch norm sums",
        [this, in, buffer](int n, BatchNormMode) {
          forward_.norm(in.batch_norm)
              .backward_sums(n, in.relu, pool_[buffer], forward_.tensor(in.tensor), forward_.moments());
        },
        forward_.norm(in.batch_norm).sums_choice());
    finish_norm(in, buffer);
    return;
  }
  if (in.relu) {
    auto mask =
        std::make_shared<ReluMask>(device_, forward_.shape(in.tensor), forward_.kind(in), batch_class(max_batch_));
    add(
        "relu mask", [this, mask, in, buffer](int n, BatchNormMode) { mask->run(n, forward_.view(in), pool_[buffer]); },
        mask->choice());
  }
  contribute(in.tensor, buffer);
}

// buffer = dy of the view's batch norm, its sums are in moments(): the gradients of gamma and beta, then that by x.
void BackwardPass::finish_norm(const LoweredView& in, int buffer) {
  const int norm = in.batch_norm, tensor = in.tensor;
  const std::string name = forward_.layer(norm).name;
  const bool again = !seen_norms_.insert(norm).second;
  add("batch norm parameters", [this, norm, again, gamma = parameter_gradients_.at(name + "/gamma"),
                                beta = parameter_gradients_.at(name + "/beta")](int n, BatchNormMode mode) {
    forward_.norm(norm).backward_prepare(n, forward_.moments(), mode == BatchNormMode::frozen, again, gamma, beta);
  });
  if (tensor == 0) {  // nothing behind the image learns
    pool_.release(buffer);
    return;
  }
  if (can_stay_pair(in)) {
    held(tensor) = {buffer, norm};
    return;
  }
  Held& h = held(tensor);
  int base = h.buffer, target = buffer;
  if (base >= 0 && !pool_.shared(base)) target = base;
  add(
      "batch norm apply",
      [this, norm, tensor, buffer, base, target](int n, BatchNormMode) {
        forward_.norm(norm).backward_apply(n, pool_[buffer], forward_.tensor(tensor),
                                           base < 0 ? Array<float>() : pool_[base], pool_[target]);
      },
      forward_.norm(norm).apply_choice());
  if (target == base) pool_.release(buffer);
  if (target != base && base >= 0) pool_.release(base);
  h = {target, -1};
}

// Whether the gradient by in.tensor may wait as a pair: this view is its only reader and its writer can read pairs.
bool BackwardPass::can_stay_pair(const LoweredView& in) const {
  const LoweredTensor& facts = forward_.tensor_facts(in.tensor);
  if (facts.readers != 1 || held_[static_cast<std::size_t>(in.tensor)].buffer >= 0) return false;
  const auto& steps = forward_.lowering().steps;
  const auto writer = std::ranges::find_if(steps, [&](const LoweredStep& step) { return step.out == in.tensor; });
  return writer != steps.end() && reads_pair(*writer);
}

void BackwardPass::apply_pair(int tensor) {
  Held& h = held(tensor);
  if (h.pair_norm < 0) return;
  add(
      "batch norm apply",
      [this, norm = h.pair_norm, buffer = h.buffer, tensor](int n, BatchNormMode) {
        forward_.norm(norm).backward_apply(n, pool_[buffer], forward_.tensor(tensor), {}, pool_[buffer]);
      },
      forward_.norm(h.pair_norm).apply_choice());
  h.pair_norm = -1;
}

// Adds `buffer`, whose hold it takes over, to the gradient by `tensor`.
void BackwardPass::contribute(int tensor, int buffer) {
  Held& h = held(tensor);
  if (h.buffer < 0) {
    h.buffer = buffer;
    return;
  }
  auto sum = std::make_shared<Accumulate>(device_, forward_.shape(tensor), batch_class(max_batch_));
  const auto add_sum = [&](Launch launch) { add("sum", std::move(launch), sum->choice()); };
  if (!pool_.shared(h.buffer)) {
    add_sum([this, sum, to = h.buffer, buffer](int n, BatchNormMode) { sum->run(n, pool_[to], pool_[buffer]); });
    pool_.release(buffer);
  } else if (!pool_.shared(buffer)) {
    add_sum([this, sum, to = buffer, other = h.buffer](int n, BatchNormMode) { sum->run(n, pool_[to], pool_[other]); });
    pool_.release(h.buffer);
    h.buffer = buffer;
  } else {  // both are read by others: a new one
    const int fresh = pool_.take(floats(tensor));
    const std::size_t per_image = floats(tensor) / to_size(max_batch_);
    add_sum([this, sum, fresh, a = h.buffer, buffer, per_image](int n, BatchNormMode) {
      device_.copy(pool_[a], pool_[fresh], to_size(n) * per_image);
      sum->run(n, pool_[fresh], pool_[buffer]);
    });
    pool_.release(h.buffer);
    pool_.release(buffer);
    h.buffer = fresh;
  }
}

}  // namespace cascadecl
