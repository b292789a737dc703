#include "runtime/network/layers/channel_shuffle.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/backward_planner.h"
#include "runtime/network/layer.h"
#include "runtime/network/lowerer.h"

namespace cascadecl {
namespace {

// kernels/channel_shuffle.cl. The inverse of a shuffle in G groups is one in C/G groups.
class ChannelShuffleStep : public Step {
 public:
  ChannelShuffleStep(PassState& pass, const LoweredStep& lowered) : Step(pass, lowered) {
    const int groups = pass.layer(lowered.layer).as<layers::ChannelShuffle>()->groups;
    forward_ = kernel(groups, pass.kind(in()));
    if (pass.settings().training) backward_ = kernel(shape().channels / groups, {});
  }

  void forward(int n) override {
    const View from = pass().view(in());
    launch(device(), forward_, range(n), from.data, from.scale, from.shift, pass().activation(out()));
  }

  void plan_backward(BackwardPlanner& plan) override {
    if (!plan.needs_gradient(in())) return;
    const int from = plan.output_gradient().buffer, to = plan.take(in());
    plan.add("channel shuffle", [this, &plan, from, to](int n, BatchNormMode) {
      const View none;
      launch(device(), backward_, range(n), plan[from], none.scale, none.shift, plan[to]);
    });
    plan.pass_on(in(), to);
  }

 private:
  ImageShape shape() const { return pass().shape(out()); }

  Range range(int n) const {
    return {to_size(shape().height), to_size(n) * to_size(block_count(shape().channels, device().channel_block()))};
  }

  Kernel kernel(int groups, const ViewKind& kind) const {
    Defines defines = tensor_defines(device(), shape());
    defines.set("GROUPS", groups);
    kind.define(defines);
    return device().kernel("channel_shuffle.cl", "channel_shuffle", defines);
  }

  const Device& device() const { return pass().device(); }

  Kernel forward_, backward_;
};

constexpr StepKind channel_shuffle_step = step_kind<ChannelShuffleStep>("channel shuffle");

}  // namespace

namespace layers {

void ChannelShuffle::visit(Attributes& attributes) { attributes.integer("groups", groups, 1); }

std::string ChannelShuffle::fault() const {
  return groups < 1 ? fmt::format("groups must be at least 1, got {}", groups) : "";
}

ImageShape ChannelShuffle::output(const LayerInputs& in) const {
  if (in[0].shape.channels % groups != 0)
    throw ShapeError(
        fmt::format("groups must divide the {} channels of the input, got {}", in[0].shape.channels, groups));
  return in[0].shape;
}

void ChannelShuffle::lower(Lowerer& lowerer) const { lowerer.add_step(channel_shuffle_step, {lowerer.input()}); }

}  // namespace layers
}  // namespace cascadecl
