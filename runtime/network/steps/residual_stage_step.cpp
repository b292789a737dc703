#include "runtime/network/step_geometry.h"
#include "runtime/network/steps/step.h"
#include "runtime/ops/residual_stage.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

class ResidualStageStep : public Step {
 public:
  ResidualStageStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered),
        geometry_(stage_geometry(pass.network(), pass.lowering(), lowered)),
        stage_(pass.device(), geometry_, pass.settings().kernels, pass.batch(), pass.settings().precision) {}

  void forward(int n) override { stage_.run(n, read(), pass().activation(out()), pooled()); }
  void prepare_weights() override {
    Array<float> head;
    std::vector<Array<float>> units;
    for (const LoweredStep& part : lowered().parts) {
      if (part.kind != &convolution_step) continue;
      const Array<float>& weight = pass().parameter(part.layer, "weight");
      if (geometry_.head && head.empty()) {
        head = weight;
      } else {
        units.push_back(weight);
      }
    }
    stage_.prepare(head, units);
  }
  void prepare_frozen_norms() override {
    std::vector<View> norms;
    for (const LoweredStep& part : lowered().parts) {
      if (const int norm = part.in().batch_norm; norm >= 0) norms.push_back(pass().norm(norm).view({}));
    }
    stage_.prepare_norms(norms);
  }
  bool can_run_apart() const override { return true; }
  bool runs_apart(int n) const override { return !stage_.splits(n); }
  void forward_share(int first, int n, const cl::CommandQueue& queue) override {
    stage_.run_share(first, n, read(), pass().activation(out()), pooled(), queue);
  }
  VariantChoice choice() const override { return stage_.choice(); }
  std::size_t weight_bytes() const override { return stage_.weight_bytes(); }
  TuningUses tuning_uses() const override {
    return residual_stage_uses(pass().device(), geometry_, stage_.splits(1), pass().settings().kernels, pass().batch());
  }

 private:
  const Activation& read() const { return pass().activation(in().tensor); }
  Array<float> pooled() const { return geometry_.pooled ? pass().floats(lowered().outputs.back()) : Array<float>(); }

  ResidualStageGeometry geometry_;
  ResidualStage stage_;
};

}  // namespace

const StepKind residual_stage_step = step_kind<ResidualStageStep>("residual stage");

}  // namespace cascadecl
