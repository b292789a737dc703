#include "runtime/network/layers/pools.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/backward_planner.h"
#include "runtime/network/layer.h"
#include "runtime/network/lowerer.h"
#include "runtime/ops/pool.h"

namespace cascadecl {
namespace {

PoolGeometry pool_geometry(const PassState& pass, const LoweredStep& step) {
  const ImageShape in = pass.shape(step.in());
  const Layer& layer = pass.layer(step.layer);
  const auto windowed = [&](const Window& w, bool max) -> PoolGeometry {
    return {in, w.kernel_h, w.stride, w.padding, max};
  };
  if (const auto* pool = layer.as<layers::MaxPool>()) return windowed(pool->window, true);
  if (const auto* pool = layer.as<layers::AveragePool>()) return windowed(pool->window, false);
  return {in, in.height, in.height, 0, false};
}

class PoolStep : public Step {
 public:
  PoolStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered), pool_(pass.device(), pool_geometry(pass, lowered), pass.kind(in())) {}
  void forward(int n) override { pool_.forward(n, pass().view(in()), pass().activation(out())); }
  void plan_backward(BackwardPlanner& plan) override {
    if (!plan.needs_gradient(in())) return;
    const int from = plan.output_gradient().buffer, to = plan.take(in());
    plan.add("pool", [this, &plan, from, to](int n, BatchNormMode) {
      pool_.backward(n, pass().view(in()), plan[from], plan[to]);
    });
    plan.pass_on(in(), to);
  }

 private:
  Pool pool_;
};

class GlobalPoolStep : public Step {
 public:
  GlobalPoolStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered), pool_(pass.device(), pass.shape(in()), pass.kind(in())) {}
  void forward(int n) override { pool_.forward(n, pass().view(in()), pass().floats(out())); }
  void plan_backward(BackwardPlanner& plan) override {
    if (!plan.needs_gradient(in())) return;
    const int from = plan.output_gradient().buffer, to = plan.take(in());
    plan.add("global pool", [this, &plan, from, to](int n, BatchNormMode) { pool_.backward(n, plan[from], plan[to]); });
    plan.pass_on(in(), to);
  }

 private:
  GlobalAveragePool pool_;
};

void lower_pool(Lowerer& lowerer, const Window& w) {
  if (w.kernel_h != w.kernel_w) {
    throw ShapeError(fmt::format("{} {}: a {}x{} window; expected a square", type_name(lowerer.layer()),
                                 lowerer.layer().name, w.kernel_h, w.kernel_w));
  }
  lowerer.add_step(pool_step, {lowerer.input()});
}

}  // namespace

const StepKind pool_step = step_kind<PoolStep>("pool");
const StepKind global_pool_step = step_kind<GlobalPoolStep>("global pool");

namespace layers {

void AveragePool::lower(Lowerer& lowerer) const { lower_pool(lowerer, window); }
void MaxPool::lower(Lowerer& lowerer) const { lower_pool(lowerer, window); }

// The last dense layer reads rows; all others read images, here of one pixel.
void GlobalAveragePool::lower(Lowerer& lowerer) const {
  if (lowerer.feeds_logits()) {
    lowerer.add_step(global_pool_step, {lowerer.input()}, true);
    return;
  }
  const ImageShape shape = lowerer.tensor(lowerer.input().view.tensor).shape;
  if (shape.height != shape.width) {
    throw ShapeError(fmt::format(
        "global_average_pool {}: a {}x{} image whose mean feeds another layer than dense; expected a square",
        lowerer.layer().name, shape.height, shape.width));
  }
  lowerer.add_step(pool_step, {lowerer.input()});
}

}  // namespace layers
}  // namespace cascadecl
