#include "runtime/network/layers/convolution.h"

#include <fmt/format.h>

#include "runtime/network/lowerer.h"
#include "runtime/network/steps/step.h"

namespace cascadecl::layers {

void Convolution::visit(Attributes& attributes) {
  attributes.integer("out_channels", out_channels, 1);
  window.visit(attributes);
}

std::string Convolution::fault() const {
  if (out_channels < 1) return fmt::format("out_channels must be at least 1, got {}", out_channels);
  return window.fault();
}

std::int64_t Convolution::macs(const LayerInputs& in, const ImageShape& output) const {
  return bounded_product(
      {out_channels, in[0].shape.channels, window.kernel_h, window.kernel_w, output.height, output.width},
      max_layer_macs);
}

std::vector<Parameter> Convolution::parameters(const LayerInputs& in) const {
  return {{.name = "weight",
           .shape = {out_channels, in[0].shape.channels, window.kernel_h, window.kernel_w},
           .initial = Parameter::Initial::he}};
}

void Convolution::lower(Lowerer& lowerer) const { lowerer.add_step(convolution_step, {lowerer.input()}); }

}  // namespace cascadecl::layers
