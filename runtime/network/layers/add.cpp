#include "runtime/network/layers/add.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"
#include "runtime/network/backward_planner.h"
#include "runtime/network/layer.h"
#include "runtime/network/lowerer.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

class AddStep : public Step {
 public:
  AddStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered), add_(pass.device(), pass.shape(in()), pass.kind(in()), pass.kind(in(1)), pass.batch()) {}
  void forward(int n) override { add_.run(n, pass().view(in()), pass().view(in(1)), pass().activation(out())); }
  VariantChoice choice() const override { return add_.choice(); }
  TuningUses tuning_uses() const override {
    return {elementwise_use(pass().device(), "add_views", pass().shape(in()), pass().kind(in()), pass().batch())};
  }
  void plan_backward(BackwardPlanner& plan) override {
    plan.pass_on_output(in());
    plan.pass_on_output(in(1));
  }

 private:
  AddViews add_;
};

// The step of the convolution that gives an input of the layer at hand, if it can add the other input to its result
// before it writes it: nothing else reads that result, and the other input is there by then.
LoweredStep* fusable_convolution(Lowerer& lowerer, std::size_t position) {
  const std::size_t other = 1 - position;
  const LoweredView& summand = lowerer.input(other).view;
  if (!lowerer.input_layer(position).is<layers::Convolution>() || !lowerer.reads_alone(position)) return nullptr;
  if (lowerer.input_index(position) == lowerer.input_index(other) || !summand.plain()) return nullptr;
  auto& steps = lowerer.steps();
  const auto step = std::ranges::find_if(steps, [&](const LoweredStep& s) {
    return s.kind == &convolution_step && s.layer == lowerer.input_index(position) && s.inputs.size() == 1;
  });
  if (step == steps.end()) return nullptr;
  const auto writes_summand = [&](const LoweredStep& s) { return s.out() == summand.tensor; };
  return std::any_of(step, steps.end(), writes_summand) ? nullptr : &*step;
}

}  // namespace

const StepKind add_step = step_kind<AddStep>("add");

namespace layers {

ImageShape Add::output(const LayerInputs& in) const {
  if (in[0].shape != in[1].shape)
    throw ShapeError(fmt::format("inputs {} {} and {} {} differ in shape", in[0].name, to_string(in[0].shape),
                                 in[1].name, to_string(in[1].shape)));
  return in[0].shape;
}

// A residual add becomes part of the convolution before it.
void Add::lower(Lowerer& lowerer) const {
  for (const std::size_t position : {1, 0}) {
    LoweredStep* const convolution = fusable_convolution(lowerer, position);
    if (!convolution) continue;
    convolution->inputs.push_back(lowerer.input(1 - position).view);
    convolution->in_place = 1;
    convolution->layers.push_back(lowerer.index());
    lowerer.set({.view = {.tensor = convolution->out()}});
    return;
  }
  lowerer.add_step(add_step, {lowerer.input(0), lowerer.input(1)});
}

}  // namespace layers
}  // namespace cascadecl
