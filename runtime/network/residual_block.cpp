#include <algorithm>

#include "runtime/network/lowering.h"
#include "runtime/network/steps/step.h"

namespace cascadecl {
namespace {

class BlockFusion {
 public:
  BlockFusion(const Network& network, Lowering lowering, const MostUnits& most_units)
      : network_(network), in_(std::move(lowering)), most_units_(most_units) {}

  Lowering result() && {
    Lowering out{in_.tensors, {}};
    for (std::size_t s = 0; s < in_.steps.size();) {
      LoweredStep block = with_head(s);
      if (block.parts.empty()) block = without_head(s);
      if (block.parts.empty()) block = in_.steps[s];
      s += std::max<std::size_t>(block.parts.size(), 1);
      if (!block.parts.empty() && add_pool(block, s)) ++s;
      out.steps.push_back(std::move(block));
    }
    note_readers(out);
    return out;
  }

 private:
  const LoweredTensor& tensor(int i) const { return in_.tensors[static_cast<std::size_t>(i)]; }

  bool is_convolution(std::size_t s) const { return s < in_.steps.size() && in_.steps[s].kind == &convolution_step; }

  // Convolution s has neither bias nor groups.
  bool is_bare(std::size_t s) const {
    const auto* l = network_.layers()[static_cast<std::size_t>(in_.steps[s].layer)].as<layers::Convolution>();
    return l && !l->bias && l->groups == 1;
  }

  static bool normed_relu(const LoweredView& in) {
    return in.batch_norm >= 0 && in.activation == ActivationFunction::relu();
  }

  // Step s is a 3x3 convolution that reads `x` behind batch norm and ReLU and keeps its shape.
  bool is_unit_convolution(std::size_t s, int x) const {
    if (!is_convolution(s)) return false;
    const LoweredStep& step = in_.steps[s];
    const auto* l = network_.layers()[static_cast<std::size_t>(step.layer)].as<layers::Convolution>();
    const LoweredView& in = step.in();
    return l && l->window == Window{3, 3, 1, 1} && is_bare(s) && in.tensor == x && normed_relu(in) &&
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
  void add_units(LoweredStep& block, std::size_t s, int x) const {
    const std::size_t heads = block.parts.size();
    for (; is_unit(s, x) && (block.parts.empty() || tensor(x).readers == 2); s += 2) {
      block.parts.push_back(in_.steps[s]);
      block.parts.push_back(in_.steps[s + 1]);
      x = in_.steps[s + 1].out();
      block.outputs = {x};
    }
    const std::size_t units = (block.parts.size() - heads) / 2;
    const std::size_t kept = units ? std::min(units, static_cast<std::size_t>(most_units_(block))) : 0;
    block.parts.resize(kept ? heads + 2 * kept : 0);
    for (const LoweredStep& part : block.parts) {
      block.layers.insert(block.layers.end(), part.layers.begin(), part.layers.end());
      block.layer = part.layer;
      block.outputs = part.outputs;
    }
  }

  // Appends step s if it is the pool of what only it reads.
  bool add_pool(LoweredStep& block, std::size_t s) const {
    if (s >= in_.steps.size()) return false;
    const LoweredStep& pool = in_.steps[s];
    if (pool.kind != &global_pool_step || pool.in().tensor != block.out() || tensor(block.out()).readers != 1)
      return false;
    if (!normed_relu(pool.in())) return false;
    block.layers.insert(block.layers.end(), pool.layers.begin(), pool.layers.end());
    block.outputs.push_back(pool.out());
    block.parts.push_back(pool);
    return true;
  }

  LoweredStep with_head(std::size_t s) const {
    LoweredStep block{.kind = &residual_block_step};
    if (!is_convolution(s) || !is_bare(s) || in_.steps[s].inputs.size() > 1 || !in_.steps[s].in().plain()) return block;
    block.inputs = in_.steps[s].inputs;
    block.parts.push_back(in_.steps[s]);
    add_units(block, s + 1, in_.steps[s].out());
    return block;
  }

  LoweredStep without_head(std::size_t s) const {
    LoweredStep block{.kind = &residual_block_step};
    if (!is_convolution(s)) return block;
    block.inputs = {{.tensor = in_.steps[s].in().tensor}};
    add_units(block, s, block.in().tensor);
    return block;
  }

  const Network& network_;
  Lowering in_;
  const MostUnits& most_units_;
};

}  // namespace

Lowering fuse_residual_blocks(const Network& network, Lowering lowering, const MostUnits& most_units) {
  return BlockFusion(network, std::move(lowering), most_units).result();
}

}  // namespace cascadecl
