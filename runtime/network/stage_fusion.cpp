#include <algorithm>

#include "runtime/network/lowering.h"
#include "runtime/network/steps/step.h"

namespace cascadecl {
namespace {

class StageFusion {
 public:
  StageFusion(const Network& network, Lowering lowering, const MostUnits& most_units)
      : network_(network), in_(std::move(lowering)), most_units_(most_units) {}

  Lowering result() && {
    Lowering out{in_.tensors, {}};
    for (std::size_t s = 0; s < in_.steps.size();) {
      LoweredStep stage = with_head(s);
      if (stage.parts.empty()) stage = without_head(s);
      if (stage.parts.empty()) stage = in_.steps[s];
      s += std::max<std::size_t>(stage.parts.size(), 1);
      if (!stage.parts.empty() && add_pool(stage, s)) ++s;
      out.steps.push_back(std::move(stage));
    }
    note_readers(out);
    return out;
  }

 private:
  const LoweredTensor& tensor(int i) const { return in_.tensors[static_cast<std::size_t>(i)]; }

  bool is_convolution(std::size_t s) const { return s < in_.steps.size() && in_.steps[s].kind == &convolution_step; }

  static bool normed_relu(const LoweredView& in) {
    return in.batch_norm >= 0 && in.activation == ActivationFunction::relu();
  }

  // Step s is a 3x3 convolution that reads `x` behind batch norm and ReLU and keeps its shape.
  bool is_unit_convolution(std::size_t s, int x) const {
    if (!is_convolution(s)) return false;
    const LoweredStep& step = in_.steps[s];
    const auto* l = network_.layers()[static_cast<std::size_t>(step.layer)].as<layers::Convolution>();
    const LoweredView& in = step.in();
    return l && l->window == Window{3, 3, 1, 1} && in.tensor == x && normed_relu(in) &&
           tensor(step.out()).shape == tensor(x).shape;
  }

  // Steps s and s + 1 are a residual unit on x.
  bool is_unit(std::size_t s, int x) const {
    if (!is_unit_convolution(s, x) || in_.steps[s].inputs.size() > 1) return false;
    const int between = in_.steps[s].out();
    if (!is_unit_convolution(s + 1, between) || tensor(between).readers != 1) return false;
    const std::vector<LoweredView>& inputs = in_.steps[s + 1].inputs;
    return inputs.size() > 1 && inputs[1].tensor == x;
  }

  // Appends the units from step s on, the first on x, as many as may be. What only the next unit reads need not be
  // kept.
  void add_units(LoweredStep& stage, std::size_t s, int x) const {
    const std::size_t heads = stage.parts.size();
    for (; is_unit(s, x) && (stage.parts.empty() || tensor(x).readers == 2); s += 2) {
      stage.parts.push_back(in_.steps[s]);
      stage.parts.push_back(in_.steps[s + 1]);
      x = in_.steps[s + 1].out();
      stage.outputs = {x};
    }
    const std::size_t units = (stage.parts.size() - heads) / 2;
    const std::size_t kept = units ? std::min(units, static_cast<std::size_t>(most_units_(stage))) : 0;
    stage.parts.resize(kept ? heads + 2 * kept : 0);
    for (const LoweredStep& part : stage.parts) {
      stage.layers.insert(stage.layers.end(), part.layers.begin(), part.layers.end());
      stage.layer = part.layer;
      stage.outputs = part.outputs;
    }
  }

  // Appends step s if it is the pool of what only it reads.
  bool add_pool(LoweredStep& stage, std::size_t s) const {
    if (s >= in_.steps.size()) return false;
    const LoweredStep& pool = in_.steps[s];
    if (pool.kind != &global_pool_step || pool.in().tensor != stage.out() || tensor(stage.out()).readers != 1)
      return false;
    if (!normed_relu(pool.in())) return false;
    stage.layers.insert(stage.layers.end(), pool.layers.begin(), pool.layers.end());
    stage.outputs.push_back(pool.out());
    stage.parts.push_back(pool);
    return true;
  }

  LoweredStep with_head(std::size_t s) const {
    LoweredStep stage{.kind = &residual_stage_step};
    if (!is_convolution(s) || in_.steps[s].inputs.size() > 1 || !in_.steps[s].in().plain()) return stage;
    stage.inputs = in_.steps[s].inputs;
    stage.parts.push_back(in_.steps[s]);
    add_units(stage, s + 1, in_.steps[s].out());
    return stage;
  }

  LoweredStep without_head(std::size_t s) const {
    LoweredStep stage{.kind = &residual_stage_step};
    if (!is_convolution(s)) return stage;
    stage.inputs = {{.tensor = in_.steps[s].in().tensor}};
    add_units(stage, s, stage.in().tensor);
    return stage;
  }

  const Network& network_;
  Lowering in_;
  const MostUnits& most_units_;
};

}  // namespace

Lowering fuse_residual_stages(const Network& network, Lowering lowering, const MostUnits& most_units) {
  return StageFusion(network, std::move(lowering), most_units).result();
}

}  // namespace cascadecl
