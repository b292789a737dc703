#include "runtime/network/layers/concat.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/backward_planner.h"
#include "runtime/network/lowerer.h"

namespace cascadecl {
namespace {

// kernels/concat.cl: a launch for each input.
class ConcatStep : public Step {
 public:
  ConcatStep(PassState& pass, const LoweredStep& lowered) : Step(pass, lowered) {
    int offset = 0;
    for (const LoweredView& in : lowered.inputs) {
      parts_.push_back(make_part(in, offset));
      offset += pass.shape(in).channels;
    }
  }

  void forward(int n) override {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const View part = pass().view(in(i));
      launch(pass().device(), parts_[i].forward, {rows(), to_size(n) * parts_[i].blocks_of_whole}, part.data,
             part.scale, part.shift, pass().activation(out()));
    }
  }

  void plan_backward(BackwardPlanner& plan) override {
    const int from = plan.output_gradient().buffer;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (!plan.needs_gradient(in(i))) continue;
      const int to = plan.take(in(i));
      plan.add("part of a concat", [this, &plan, i, from, to](int n, BatchNormMode) {
        launch(pass().device(), parts_[i].backward, {rows(), to_size(n) * parts_[i].blocks}, plan[from], plan[to]);
      });
      plan.pass_on(in(i), to);
    }
  }

 private:
  struct Part {
    Kernel forward, backward;
    std::size_t blocks = 0, blocks_of_whole = 0;  // of the part; of the whole that it lies in
  };

  std::size_t rows() const { return to_size(pass().shape(out()).height); }

  Part make_part(const LoweredView& in, int offset) const {
    const Device& device = pass().device();
    const ImageShape part = pass().shape(in), whole = pass().shape(out());
    const int block = channel_block_of(whole.channels, device.channel_block());
    Defines defines = {{"CB", block},
                       {"PART_CB", channel_block_of(part.channels, device.channel_block())},
                       {"CHANNELS", part.channels},
                       {"OFFSET", offset},
                       {"TOTAL", whole.channels},
                       {"HEIGHT", whole.height},
                       {"WIDTH", whole.width}};
    pass().kind(in).define(defines);
    return {.forward = device.kernel("concat.cl", "concat_forward", defines),
            .backward = pass().settings().training ? device.kernel("concat.cl", "concat_backward", defines) : Kernel(),
            .blocks = to_size(block_count(part.channels, device.channel_block())),
            .blocks_of_whole = to_size((offset + part.channels - 1) / block - offset / block + 1)};
  }

  std::vector<Part> parts_;
};

constexpr StepKind concat_step = step_kind<ConcatStep>("concat");

}  // namespace

namespace layers {

ImageShape Concat::output(const LayerInputs& in) const {
  std::int64_t channels = 0;
  for (const LayerInput& part : in) {
    if (part.shape.height != in[0].shape.height || part.shape.width != in[0].shape.width)
      throw ShapeError(fmt::format("inputs {} {} and {} {} differ in height or width", in[0].name,
                                   to_string(in[0].shape), part.name, to_string(part.shape)));
    channels += part.shape.channels;
  }
  if (bounded_product({channels, in[0].shape.height, in[0].shape.width}, max_values) > max_values)
    throw ShapeError("output has more than 2^31-1 values");
  return {static_cast<int>(channels), in[0].shape.height, in[0].shape.width};
}

void Concat::lower(Lowerer& lowerer) const {
  std::vector<Lowerer::Value> parts;
  for (std::size_t i = 0; i < lowerer.layer().inputs.size(); ++i) parts.push_back(lowerer.input(i));
  lowerer.add_step(concat_step, parts);
}

}  // namespace layers
}  // namespace cascadecl
