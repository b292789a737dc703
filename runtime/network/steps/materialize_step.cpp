#include "runtime/network/backward_planner.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

class MaterializeStep : public Step {
 public:
  MaterializeStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered), view_(pass.device(), pass.shape(in()), pass.kind(in()), pass.batch()) {}
  void forward(int n) override { view_.run(n, pass().view(in()), pass().activation(out())); }
  VariantChoice choice() const override { return view_.choice(); }
  TuningUses tuning_uses() const override {
    return {elementwise_use(pass().device(), "materialize", pass().shape(in()), pass().kind(in()), pass().batch())};
  }
  void plan_backward(BackwardPlanner& plan) override { plan.pass_on_output(in()); }

 private:
  ViewMaterialize view_;
};

}  // namespace

const StepKind materialize_step = step_kind<MaterializeStep>("materialize");

}  // namespace cascadecl
