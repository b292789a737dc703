#include "runtime/network/layers/dense.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/backward_planner.h"
#include "runtime/network/layer.h"
#include "runtime/network/lowerer.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

class DenseStep : public Step {
 public:
  DenseStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered),
        dense_(pass.device(), pass.shape(in()).channels, pass.shape(out()).channels, pass.settings().max_batch,
               pass.settings().kernels == KernelClass::reference ? DenseVariant::plain : DenseVariant::automatic) {}
  void forward(int n) override { dense_.forward(n, features(), weight(), bias(), pass().floats(out())); }
  VariantChoice choice() const override { return dense_.choice(); }
  TuningUses tuning_uses() const override {
    if (dense_.variant() != DenseVariant::plain) return {};
    return {dense_use(pass().device(), pass().shape(in()).channels, pass().shape(out()).channels, pass().batch())};
  }
  void plan_backward(BackwardPlanner& plan) override {
    const int from = plan.output_gradient().buffer, to = plan.take(in());
    plan.add("dense", [this, &plan, from, to, weight_gradient = plan.parameter_gradient("weight"),
                       bias_gradient = plan.parameter_gradient("bias")](int n, BatchNormMode) {
      dense_.backward_parameters(n, features(), plan[from], weight_gradient, bias_gradient);
      dense_.backward_features(n, plan[from], weight(), plan[to]);
    });
    plan.pass_on(in(), to);
  }

 private:
  Array<float> features() const { return pass().floats(in().tensor); }
  const Array<float>& weight() const { return pass().parameter(lowered().layer, "weight"); }
  const Array<float>& bias() const { return pass().parameter(lowered().layer, "bias"); }

  Dense dense_;
};

}  // namespace

const StepKind dense_step = step_kind<DenseStep>("dense");

namespace layers {

void Dense::visit(Attributes& attributes) { attributes.integer("out_channels", out_channels, 1); }

std::string Dense::fault() const {
  return out_channels < 1 ? fmt::format("out_channels must be at least 1, got {}", out_channels) : "";
}

ImageShape Dense::output(const LayerInputs& in) const {
  if (in[0].shape.height != 1 || in[0].shape.width != 1)
    throw ShapeError(fmt::format("input is {}, expected one pixel [C,1,1]: pool first", to_string(in[0].shape)));
  return {out_channels, 1, 1};
}

std::int64_t Dense::macs(const LayerInputs& in, const ImageShape&) const {
  return bounded_product({out_channels, in[0].shape.channels}, max_layer_macs);
}

std::vector<Parameter> Dense::parameters(const LayerInputs& in) const {
  return {{.name = "weight", .shape = {out_channels, in[0].shape.channels}, .initial = Parameter::Initial::he},
          {.name = "bias", .shape = {out_channels}}};
}

void Dense::lower(Lowerer& lowerer) const {
  Lowerer::Value features = lowerer.input();
  if (!lowerer.tensor(features.view.tensor).rows)  // images of one pixel: pooling lays out the rows
    features =
        lowerer.add_step_before(global_pool_step, lowerer.input_index(), features, lowerer.input_layer().shape, true);
  lowerer.add_step(dense_step, {features}, true);
}

}  // namespace layers
}  // namespace cascadecl
