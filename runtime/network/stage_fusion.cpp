#include <optional>

#include "runtime/network/lowering.h"

namespace cascadecl {
namespace {

using Kind = LoweredStep::Kind;

class StageFusion {
 public:
  StageFusion(const Network& network, Lowering lowering, const std::function<bool(const LoweredStep&)>& wanted)
      : network_(network), in_(std::move(lowering)), wanted_(wanted) {}

  Lowering result() && {
    Lowering out{in_.tensors, {}};
    for (std::size_t s = 0; s < in_.steps.size();) {
      std::optional<LoweredStep> stage = with_head(s);
      if (!stage || !wanted_(*stage)) stage = without_head(s);
      if (stage && wanted_(*stage)) {
        s += stage->parts.size();
        out.steps.push_back(*std::move(stage));
      } else {
        out.steps.push_back(in_.steps[s++]);
      }
    }
    note_readers(out);
    return out;
  }

 private:
  const LoweredTensor& tensor(int i) const { return in_.tensors[static_cast<std::size_t>(i)]; }

  bool is_convolution(std::size_t s) const { return s < in_.steps.size() && in_.steps[s].kind == Kind::convolution; }

  // Step s is a 3x3 convolution that reads `x` behind batch norm and ReLU and keeps its shape.
  bool is_unit_convolution(std::size_t s, int x) const {
    if (!is_convolution(s)) return false;
    const LoweredStep& step = in_.steps[s];
    const Layer& l = network_.layers()[static_cast<std::size_t>(step.layer)];
    const bool is_3x3 = l.kernel_h == 3 && l.kernel_w == 3 && l.stride == 1 && l.padding == 1;
    return is_3x3 && step.in.tensor == x && step.in.batch_norm >= 0 && step.in.relu &&
           tensor(step.out).shape == tensor(x).shape;
  }

  // Steps s and s + 1 are a residual unit on x.
  bool is_unit(std::size_t s, int x) const {
    if (!is_unit_convolution(s, x) || in_.steps[s].residual >= 0) return false;
    const int between = in_.steps[s].out;
    return is_unit_convolution(s + 1, between) && in_.steps[s + 1].residual == x && tensor(between).readers == 1;
  }

  // Appends the units from step s on, the first on x. What only the next unit reads need not be kept.
  void add_units(LoweredStep& stage, std::size_t s, int x) const {
    while (is_unit(s, x) && (stage.parts.empty() || tensor(x).readers == 2)) {
      stage.parts.push_back(in_.steps[s]);
      stage.parts.push_back(in_.steps[s + 1]);
      x = in_.steps[s + 1].out;
      s += 2;
    }
    for (const LoweredStep& part : stage.parts) {
      stage.layers.insert(stage.layers.end(), part.layers.begin(), part.layers.end());
      stage.out = part.out;
    }
    if (!stage.parts.empty()) stage.layer = stage.parts.back().layer;
  }

  std::optional<LoweredStep> with_head(std::size_t s) const {
    if (!is_convolution(s) || in_.steps[s].residual >= 0 || !in_.steps[s].in.plain()) return std::nullopt;
    LoweredStep stage{.kind = Kind::residual_stage, .in = in_.steps[s].in, .parts = {in_.steps[s]}};
    add_units(stage, s + 1, in_.steps[s].out);
    if (stage.parts.size() < 3) return std::nullopt;
    return stage;
  }

  std::optional<LoweredStep> without_head(std::size_t s) const {
    if (!is_convolution(s)) return std::nullopt;
    LoweredStep stage{.kind = Kind::residual_stage, .in = {.tensor = in_.steps[s].in.tensor}};
    add_units(stage, s, stage.in.tensor);
    if (stage.parts.empty()) return std::nullopt;
    return stage;
  }

  const Network& network_;
  Lowering in_;
  const std::function<bool(const LoweredStep&)>& wanted_;
};

}  // namespace

Lowering fuse_residual_stages(const Network& network, Lowering lowering,
                              const std::function<bool(const LoweredStep&)>& wanted) {
  return StageFusion(network, std::move(lowering), wanted).result();
}

}  // namespace cascadecl
