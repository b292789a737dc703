#include "runtime/network/step_geometry.h"
#include "runtime/network/steps/step.h"
#include "runtime/ops/residual_block.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

class ResidualBlockStep : public Step {
 public:
  ResidualBlockStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered),
        geometry_(block_geometry(pass.network(), pass.lowering(), lowered)),
        block_(pass.device(), geometry_, pass.settings().kernels, pass.batch(), pass.settings().precision) {}

  void forward(int n) override { block_.run(n, read(), pass().activation(out()), pooled()); }
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
    block_.prepare(head, units);
  }
  void prepare_frozen_norms() override {
    std::vector<View> norms;
    for (const LoweredStep& part : lowered().parts) {
      if (const int norm = part.in().batch_norm; norm >= 0) norms.push_back(pass().norm(norm).view({}));
    }
    block_.prepare_norms(norms);
  }
  bool can_run_apart() const override { return true; }
  bool runs_apart(int n) const override { return !block_.splits(n); }
  void forward_share(int first, int n, const cl::CommandQueue& queue) override {
    block_.run_share(first, n, read(), pass().activation(out()), pooled(), queue);
  }
  VariantChoice choice() const override { return block_.choice(); }
  std::size_t weight_bytes() const override { return block_.weight_bytes(); }
  TuningUses tuning_uses() const override {
    return residual_block_uses(pass().device(), geometry_, block_.splits(1), pass().settings().kernels, pass().batch());
  }

 private:
  const ActivationArray& read() const { return pass().activation(in().tensor); }
  Array<float> pooled() const { return geometry_.pooled ? pass().floats(lowered().outputs.back()) : Array<float>(); }

  ResidualBlockGeometry geometry_;
  ResidualBlock block_;
};

}  // namespace

const StepKind residual_block_step = step_kind<ResidualBlockStep>("residual block");

}  // namespace cascadecl
