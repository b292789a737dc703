#include "runtime/network/layers/clip.h"

#include <fmt/format.h>

#include "runtime/network/lowerer.h"

namespace cascadecl::layers {

void Clip::visit(Attributes& attributes) {
  attributes.number("min", low);
  attributes.number("max", high);
}

// Padding channels are read through views, too, and stay 0 only where 0 does.
std::string Clip::fault() const {
  return low <= 0 && 0 <= high && low < high
             ? ""
             : fmt::format("bounds must be different and have 0 between them, got {} and {}", low, high);
}

// Whoever reads the output applies it to the input.
void Clip::lower(Lowerer& lowerer) const {
  Lowerer::Value value = lowerer.input();
  value.view.activation = value.view.activation.then(ActivationFunction::clip(low, high));
  value.layers.push_back(lowerer.index());
  lowerer.set(std::move(value));
}

}  // namespace cascadecl::layers
