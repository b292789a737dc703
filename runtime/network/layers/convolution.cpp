#include "runtime/network/layers/convolution.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/network/lowerer.h"
#include "runtime/network/steps/step.h"

namespace cascadecl::layers {

void Convolution::visit(Attributes& attributes) {
  attributes.integer("out_channels", out_channels, 1);
  window.visit(attributes);
  attributes.flag("bias", bias, false);
  attributes.rare_integer("groups", groups, 1, 1);
}

std::string Convolution::fault() const {
  if (out_channels < 1) return fmt::format("out_channels must be at least 1, got {}", out_channels);
  if (groups < 1 || out_channels % groups != 0)
    return fmt::format("groups must divide the {} output channels, got {}", out_channels, groups);
  return window.fault();
}

ImageShape Convolution::output(const LayerInputs& in) const {
  const int channels = in[0].shape.channels;
  if (channels % groups != 0)
    throw ShapeError(fmt::format("groups must divide the {} input channels, got {}", channels, groups));
  return window.output(in[0].shape, out_channels);
}

std::int64_t Convolution::macs(const LayerInputs& in, const ImageShape& output) const {
  return bounded_product(
      {out_channels, in[0].shape.channels / groups, window.kernel_h, window.kernel_w, output.height, output.width},
      max_layer_macs);
}

std::vector<Parameter> Convolution::parameters(const LayerInputs& in) const {
  std::vector<Parameter> parameters = {
      {.name = "weight",
       .shape = {out_channels, in[0].shape.channels / groups, window.kernel_h, window.kernel_w},
       .initial = Parameter::Initial::he}};
  if (bias) parameters.push_back({.name = "bias", .shape = {out_channels}});
  return parameters;
}

void Convolution::lower(Lowerer& lowerer) const { lowerer.add_step(convolution_step, {lowerer.input()}); }

}  // namespace cascadecl::layers
