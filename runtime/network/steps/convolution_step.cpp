#include <memory>

#include "runtime/network/backward_planner.h"
#include "runtime/network/step_geometry.h"
#include "runtime/ops/conv_backward.h"
#include "runtime/ops/conv_backward_bias.h"
#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {
namespace {

bool has_bias(const Layer& layer) {
  if (const auto* dense = layer.as<layers::Dense>()) return dense->bias;
  return std::get<layers::Convolution>(layer.attributes).bias;
}

ConvFusion fusion(const PassState& pass, const LoweredStep& step) {
  const bool measured = pass.settings().training && !pass.tensor(step.out()).batch_norms.empty();
  return {.view = pass.kind(step.in()),
          .residual = step.inputs.size() > 1,
          .statistics = measured,
          .bias = has_bias(pass.layer(step.layer))};
}

// The choice of an operation that runs because one that would have done more at once declined.
VariantChoice behind(std::vector<Declined> declined, VariantChoice choice) {
  choice.declined.insert(choice.declined.begin(), declined.begin(), declined.end());
  return choice;
}

class ConvolutionStep : public Step {
 public:
  ConvolutionStep(PassState& pass, const LoweredStep& lowered)
      : Step(pass, lowered),
        geometry_(conv_geometry(pass.network(), pass.lowering(), lowered)),
        conv_(pass.device(), geometry_, fusion(pass, lowered), kernels(), pass.batch()) {}

  void forward(int n) override {
    conv_.run(n, pass().view(in()), has_residual() ? pass().activation(in(1).tensor) : ActivationArray(),
              pass().activation(out()), pass().moments());
  }
  bool measures_output() const override { return conv_.fuses_statistics(); }
  void prepare_weights() override {
    conv_.prepare(pass().parameter(lowered().layer, "weight"),
                  biased() ? pass().parameter(lowered().layer, "bias") : Array<float>());
  }
  VariantChoice choice() const override { return conv_.choice(); }
  std::size_t weight_bytes() const override { return conv_.weight_bytes(); }
  TuningUses tuning_uses() const override {
    return forward_uses(pass().device(), geometry_, fusion(pass(), lowered()), kernels(), pass().batch());
  }

  bool reads_deferred() const override {
    if (has_residual()) return false;
    const Device& device = pass().device();
    const bool data =
        !BackwardPlanner::needs_gradient(in()) || ConvBackwardData::can_fuse(device, geometry_, kernels());
    return data && ConvBackwardFilter::can_fuse(device, geometry_, kernels());
  }

  void plan_backward(BackwardPlanner& plan) override {
    if (biased()) plan_bias_gradient(plan);
    if (!plan.needs_gradient(in())) {
      plan_filter_gradient(plan, {});
    } else if (const std::string declined =
                   ConvBackward::declines(pass().device(), geometry_, pass().kind(in()), kernels());
               declined.empty()) {
      plan_both_gradients(plan);
    } else {
      plan_filter_gradient(plan, {{"both gradients at once", declined}});
      plan_data_gradient(plan, {{"both gradients at once", declined}});
    }
    if (has_residual()) plan.pass_on_output(in(1));
  }

 private:
  bool biased() const { return has_bias(pass().layer(lowered().layer)); }
  bool has_residual() const { return lowered().inputs.size() > 1; }
  KernelClass kernels() const { return pass().settings().kernels; }
  double mmac() const { return static_cast<double>(pass().network().macs(pass().layer(lowered().layer))) / 1e6; }

  void plan_bias_gradient(BackwardPlanner& plan) {
    const BackwardPlanner::Held from = plan.output_gradient();
    auto bias = std::make_shared<ConvBackwardBias>(pass().device(), pass().shape(out()), from.is_deferred());
    plan.reserve_workspace(bias->workspace_floats());
    plan.add("gradient by bias", [this, &plan, bias, from, to = plan.parameter_gradient("bias")](int n, BatchNormMode) {
      bias->run(n, plan.gradient(out(), from), plan.workspace(), to);
    });
  }

  // declined: what would have computed this gradient together with another.
  void plan_filter_gradient(BackwardPlanner& plan, std::vector<Declined> declined) {
    const BackwardPlanner::Held from = plan.output_gradient();
    auto filter = std::make_shared<ConvBackwardFilter>(pass().device(), geometry_, pass().kind(in()),
                                                       from.is_deferred(), kernels(), pass().batch());
    plan.reserve_workspace(filter->workspace_floats());
    plan.add_uses(filter_gradient_uses(pass().device(), geometry_, pass().kind(in()), from.is_deferred(), kernels(),
                                       pass().batch()));
    plan.add(
        "gradient by filters",
        [this, &plan, filter, from, to = plan.parameter_gradient("weight")](int n, BatchNormMode) {
          filter->run(n, pass().view(in()), plan.gradient(out(), from), plan.workspace(), to);
        },
        behind(std::move(declined), filter->choice()), mmac());
  }

  void plan_data_gradient(BackwardPlanner& plan, std::vector<Declined> declined) {
    const BackwardPlanner::Held from = plan.output_gradient();
    ConvBackwardData::Fusion fusion{.deferred = from.is_deferred()};
    const bool fuse = in().activation == ActivationFunction::relu() &&
                      ConvBackwardData::can_fuse(pass().device(), geometry_, kernels());
    if (fuse) fusion.mask = in().batch_norm >= 0 ? MaskKind::batch_norm_relu : MaskKind::relu;
    auto data = std::make_shared<ConvBackwardData>(pass().device(), geometry_, fusion, kernels(), pass().batch());
    plan.add_uses(data_gradient_uses(pass().device(), geometry_, fusion, kernels(), pass().batch()));
    plan.prepare_with("weight", data->weight_bytes(), [data](const Array<float>& weight) { data->prepare(weight); });
    const int to = plan.take(in());
    plan.add(
        "gradient by input",
        [this, &plan, data, from, to](int n, BatchNormMode) {
          data->run(n, plan.gradient(out(), from), plan.mask(in()), {}, plan[to]);
        },
        behind(std::move(declined), data->choice()), mmac());
    if (fuse) {
      plan.pass_on_masked(in(), to);
    } else {
      plan.pass_on(in(), to);
    }
  }

  void plan_both_gradients(BackwardPlanner& plan) {
    const BackwardPlanner::Held from = plan.output_gradient();
    const ConvBackward::Fusion fusion{.deferred = from.is_deferred(), .batch_norm = in().batch_norm >= 0};
    auto both = std::make_shared<ConvBackward>(pass().device(), geometry_, fusion, pass().batch());
    plan.reserve_workspace(both->workspace_floats());
    plan.add_uses(both_gradients_uses(pass().device(), geometry_, fusion, pass().batch()));
    plan.prepare_with("weight", both->weight_bytes(), [both](const Array<float>& weight) { both->prepare(weight); });
    const int to = plan.take(in());
    plan.add(
        "gradients by input and filters",
        [this, &plan, both, from, to, weight_gradient = plan.parameter_gradient("weight")](int n, BatchNormMode) {
          both->run(n, plan.gradient(out(), from), plan.mask(in()), plan.workspace(), plan[to], weight_gradient);
        },
        both->choice(), mmac());
    plan.pass_on_masked(in(), to);
  }

  ConvGeometry geometry_;
  ConvForward conv_;
};

}  // namespace

const StepKind convolution_step = step_kind<ConvolutionStep>("convolution");

}  // namespace cascadecl
