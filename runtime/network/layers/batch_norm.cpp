#include "runtime/network/layers/batch_norm.h"

#include "runtime/network/lowerer.h"

namespace cascadecl::layers {

std::vector<Parameter> BatchNorm::parameters(const LayerInputs& in) const {
  using enum Parameter::Initial;
  const std::vector<int> by_channel{in[0].shape.channels};
  return {
      {.name = "gamma", .shape = by_channel, .initial = one},
      {.name = "beta", .shape = by_channel, .initial = zero},
      {.name = "running_mean", .shape = by_channel, .initial = zero, .trained = false},
      {.name = "running_variance", .shape = by_channel, .initial = one, .trained = false, .may_be_negative = false}};
}

// Whoever reads the output reads the input, scaled and shifted.
void BatchNorm::lower(Lowerer& lowerer) const {
  Lowerer::Value value = lowerer.plain_input();
  value.view.batch_norm = lowerer.index();
  value.layers.push_back(lowerer.index());
  lowerer.tensor(value.view.tensor).batch_norms.push_back(lowerer.index());
  lowerer.set(std::move(value));
}

}  // namespace cascadecl::layers
