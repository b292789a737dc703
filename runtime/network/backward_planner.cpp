#include "runtime/network/backward_planner.h"

#include <algorithm>
#include <ranges>

#include "runtime/ops/elementwise.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {

BackwardPlanner::BackwardPlanner(PassState& pass, const std::vector<std::unique_ptr<Step>>& steps,
                                 const ParameterStore& parameters, GradientSlices parameter_gradients,
                                 const Array<float>& logit_gradient)
    : pass_(pass),
      steps_(steps),
      parameters_(parameters),
      parameter_gradients_(std::move(parameter_gradients)),
      held_(pass.lowering().tensors.size()) {
  step_ = steps.back().get();
  const int logits = step_->lowered().out(), buffer = pool_.take(pass_.elements(logits));
  add("copy of the loss's gradient", [this, buffer, logits, logit_gradient](int n, BatchNormMode) {
    pass_.device().copy(logit_gradient, pool_[buffer], to_size(n) * pass_.elements_of_one(logits));
  });
  held(logits) = {buffer, -1};
  for (std::size_t i = steps.size(); i-- > 0;) plan(*steps[i]);
  pool_.allocate(pass_.device());
  workspace_ = pass_.device().allocate<float>(workspace_floats_);
}

void BackwardPlanner::plan(Step& step) {
  const int out = step.lowered().out();
  if (held(out).buffer < 0) return;  // nothing depends on it
  step_ = &step;
  if (!step.reads_deferred()) apply_deferred(out);
  step.plan_backward(*this);
  pool_.release(held(out).buffer);
}

void BackwardPlanner::prepare_weights() {
  for (const Filters& filters : filters_) filters.prepare(parameters_[filters.parameter]);
}

std::size_t BackwardPlanner::weight_bytes() const {
  std::size_t bytes = 0;
  for (const Filters& filters : filters_) bytes += filters.bytes;
  return bytes;
}

const BackwardPlanner::Held& BackwardPlanner::output_gradient() const { return held_[to_size(step_->lowered().out())]; }

std::string BackwardPlanner::parameter_name(int layer, std::string_view parameter) const {
  return pass_.layer(layer).name + "/" + std::string(parameter);
}

const Array<float>& BackwardPlanner::parameter_gradient(std::string_view parameter) const {
  return parameter_gradients_.at(parameter_name(step_->lowered().layer, parameter));
}

void BackwardPlanner::prepare_with(std::string_view parameter, std::size_t bytes,
                                   std::function<void(const Array<float>&)> prepare) {
  filters_.push_back({parameter_name(step_->lowered().layer, parameter), bytes, std::move(prepare)});
}

void BackwardPlanner::add(std::string operation, Launch launch, const VariantChoice& choice, double mmac) {
  PlanStep step{.layers = layer_names(pass_.network(), step_->lowered()),
                .operation = std::move(operation),
                .variant = choice.variant,
                .reason = choice.reason,
                .declined = choice.declined,
                .mmac = mmac,
                .parameters = choice.parameters,
                .source = choice.source};
  launches_.push_back({std::move(step), std::move(launch)});
}

void BackwardPlanner::add_uses(TuningUses uses) {
  for (TuningUse& use : uses) use.layers = layer_names(pass_.network(), step_->lowered());
  append(uses_, std::move(uses));
}

void BackwardPlanner::pass_on_output(const LoweredView& in) {
  if (!needs_gradient(in)) return;
  const int buffer = output_gradient().buffer;
  if (in.plain()) {
    pool_.hold(buffer);
    contribute(in.tensor, buffer);
    return;
  }
  const int copy = take(in);
  add("copy", [this, buffer, copy, tensor = in.tensor](int n, BatchNormMode) {
    pass_.device().copy(pool_[buffer], pool_[copy], to_size(n) * pass_.elements_of_one(tensor));
  });
  pass_on(in, copy);
}

Gradient BackwardPlanner::gradient(int tensor, const Held& held) const {
  if (!held.is_deferred()) return {pool_[held.buffer], {}, {}, {}, {}};
  return pass_.norm(held.deferred_norm).gradient(pool_[held.buffer], pass_.floats(tensor));
}

ConvMask BackwardPlanner::mask(const LoweredView& in) const {
  const Array<float> t = pass_.floats(in.tensor);
  if (in.batch_norm < 0) return {t, {}, {}, {}, {}};
  return pass_.norm(in.batch_norm).mask(t, pass_.moments());
}

void BackwardPlanner::pass_on(const LoweredView& in, int buffer) {
  const bool relu = in.activation == ActivationFunction::relu();
  if (!in.activation.none() && !(in.batch_norm >= 0 && relu)) {  // the sums of a batch norm mask for a ReLU themselves
    auto mask = std::make_shared<ActivationMask>(pass_.device(), pass_.shape(in), pass_.kind(in), pass_.batch());
    add(
        "activation mask",
        [this, mask, in, buffer](int n, BatchNormMode) { mask->run(n, pass_.view(in), pool_[buffer]); },
        mask->choice());
    add_uses({elementwise_use(pass_.device(), "activation_mask", pass_.shape(in), pass_.kind(in), pass_.batch())});
  }
  if (in.batch_norm >= 0) {
    add(
        "batch norm sums",
        [this, in, buffer, relu](int n, BatchNormMode) {
          pass_.norm(in.batch_norm).backward_sums(n, relu, pool_[buffer], pass_.floats(in.tensor), pass_.moments());
        },
        pass_.norm(in.batch_norm).sums_choice());
  }
  pass_on_masked(in, buffer);
}

void BackwardPlanner::pass_on_masked(const LoweredView& in, int buffer) {
  if (in.batch_norm >= 0) {
    apply_batch_norm(in, buffer);
  } else {
    contribute(in.tensor, buffer);
  }
}

// buffer = dy of the view's batch norm, its sums are in moments(): the gradients of gamma and beta, then that by x.
void BackwardPlanner::apply_batch_norm(const LoweredView& in, int buffer) {
  const int norm = in.batch_norm, tensor = in.tensor;
  const bool again = !seen_norms_.insert(norm).second;
  add("batch norm parameters",
      [this, norm, again, gamma = parameter_gradients_.at(parameter_name(norm, "gamma")),
       beta = parameter_gradients_.at(parameter_name(norm, "beta"))](int n, BatchNormMode mode) {
        pass_.norm(norm).backward_prepare(n, pass_.moments(), mode == BatchNormMode::frozen, again, gamma, beta);
      });
  if (tensor == 0) {  // nothing behind the image learns
    pool_.release(buffer);
    return;
  }
  if (can_stay_deferred(in)) {
    held(tensor) = {buffer, norm};
    return;
  }
  Held& h = held(tensor);
  int base = h.buffer, target = buffer;
  if (base >= 0 && !pool_.shared(base)) target = base;
  add(
      "batch norm apply",
      [this, norm, tensor, buffer, base, target](int n, BatchNormMode) {
        pass_.norm(norm).backward_apply(n, pool_[buffer], pass_.floats(tensor), base < 0 ? Array<float>() : pool_[base],
                                        pool_[target]);
      },
      pass_.norm(norm).apply_choice());
  if (target == base) pool_.release(buffer);
  if (target != base && base >= 0) pool_.release(base);
  h = {target, -1};
}

// Whether the gradient by in.tensor may stay deferred: this view is its only reader and its writer can read it so.
bool BackwardPlanner::can_stay_deferred(const LoweredView& in) const {
  if (pass_.tensor(in.tensor).readers != 1 || held_[to_size(in.tensor)].buffer >= 0) return false;
  const auto writer =
      std::ranges::find_if(steps_, [&](const auto& step) { return step->lowered().out() == in.tensor; });
  return writer != steps_.end() && (*writer)->reads_deferred();
}

void BackwardPlanner::apply_deferred(int tensor) {
  Held& h = held(tensor);
  if (!h.is_deferred()) return;
  add(
      "batch norm apply",
      [this, norm = h.deferred_norm, buffer = h.buffer, tensor](int n, BatchNormMode) {
        pass_.norm(norm).backward_apply(n, pool_[buffer], pass_.floats(tensor), {}, pool_[buffer]);
      },
      pass_.norm(h.deferred_norm).apply_choice());
  h.deferred_norm = -1;
}

// Adds `buffer`, whose hold it takes over, to the gradient by `tensor`.
void BackwardPlanner::contribute(int tensor, int buffer) {
  Held& h = held(tensor);
  if (h.buffer < 0) {
    h.buffer = buffer;
    return;
  }
  auto sum = std::make_shared<Accumulate>(pass_.device(), pass_.shape(tensor), pass_.batch());
  add_uses({elementwise_use(pass_.device(), "accumulate", pass_.shape(tensor), {}, pass_.batch())});
  const auto add_sum = [&](Launch launch) { add("sum", std::move(launch), sum->choice()); };
  if (!pool_.shared(h.buffer)) {
    add_sum([this, sum, to = h.buffer, buffer](int n, BatchNormMode) { sum->run(n, pool_[to], pool_[buffer]); });
    pool_.release(buffer);
  } else if (!pool_.shared(buffer)) {
    add_sum([this, sum, to = buffer, other = h.buffer](int n, BatchNormMode) { sum->run(n, pool_[to], pool_[other]); });
    pool_.release(h.buffer);
    h.buffer = buffer;
  } else {  // both are read by others: a new one
    const int fresh = pool_.take(pass_.elements(tensor));
    add_sum([this, sum, fresh, a = h.buffer, buffer, tensor](int n, BatchNormMode) {
      pass_.device().copy(pool_[a], pool_[fresh], to_size(n) * pass_.elements_of_one(tensor));
      sum->run(n, pool_[fresh], pool_[buffer]);
    });
    pool_.release(h.buffer);
    pool_.release(buffer);
    h.buffer = fresh;
  }
}

}  // namespace cascadecl
