#include "runtime/network/layers/relu.h"

#include "runtime/network/lowerer.h"

namespace cascadecl::layers {

// Whoever reads the output applies it to the input.
void Relu::lower(Lowerer& lowerer) const {
  Lowerer::Value value = lowerer.input();
  value.view.activation = ActivationFunction::relu();
  value.layers.push_back(lowerer.index());
  lowerer.set(std::move(value));
}

}  // namespace cascadecl::layers
