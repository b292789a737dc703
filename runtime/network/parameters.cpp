#include "runtime/network/parameters.h"

#include <Random123/philox.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// Names and shapes of one layer's parameters.
std::vector<std::pair<std::string, std::vector<int>>> layer_parameters(const Network& network, const Layer& layer) {
  if (layer.inputs.empty()) return {};
  const int in = network.layer(layer.inputs[0]).shape.channels;
  switch (layer.type) {
    case LayerType::convolution:
      return {{"weight", {layer.out_channels, in, layer.kernel_h, layer.kernel_w}}};
    case LayerType::batch_norm:
      return {{"gamma", {in}}, {"beta", {in}}, {"running_mean", {in}}, {"running_variance", {in}}};
    case LayerType::dense:
      return {{"weight", {layer.out_channels, in}}, {"bias", {layer.out_channels}}};
    default:
      return {};
  }
}

std::size_t product(const std::vector<int>& shape, std::size_t first = 0) {
  std::size_t size = 1;
  for (std::size_t i = first; i < shape.size(); ++i) size *= static_cast<std::size_t>(shape[i]);
  return size;
}

std::string_view parameter_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

bool is_statistic(std::string_view key) { return parameter_of(key).starts_with("running_"); }

// Box-Muller on two of Philox's words: one standard normal value. In double, so that math libraries which differ in the
// last bit give the same float.
float normal(std::uint64_t seed, std::uint32_t parameter, std::uint64_t element, double deviation) {
  const r123::Philox4x32::ctr_type counter{
      {static_cast<std::uint32_t>(element), static_cast<std::uint32_t>(element >> 32), parameter, 0}};
  const r123::Philox4x32::key_type key{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const auto words = r123::Philox4x32()(counter, key);
  const double u = (words[0] + 0.5) / 4294967296.0, v = (words[1] + 0.5) / 4294967296.0;
  return static_cast<float>(deviation * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
}

std::vector<float> initial_values(std::string_view key, const std::vector<int>& shape, std::uint64_t seed,
                                  std::uint32_t parameter) {
  const std::string_view kind = parameter_of(key);
  if (kind != "weight") {
    const bool one = kind == "gamma" || kind == "running_variance";
    return std::vector<float>(product(shape), one ? 1.0F : 0.0F);
  }
  const double deviation = std::sqrt(2.0 / static_cast<double>(product(shape, 1)));
  std::vector<float> values(product(shape));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(seed, parameter, i, deviation);
  return values;
}

}  // namespace

ParameterShapes parameter_shapes(const Network& network) {
  ParameterShapes shapes;
  for (const Layer& layer : network.layers())
    for (auto& [parameter, shape] : layer_parameters(network, layer))
      shapes.emplace(layer.name + "/" + parameter, std::move(shape));
  return shapes;
}

ParameterShapes trained_parameter_shapes(const Network& network) {
  ParameterShapes shapes = parameter_shapes(network);
  std::erase_if(shapes, [](const auto& entry) { return is_statistic(entry.first); });
  return shapes;
}

Parameters zero_parameters(const Network& network) {
  Parameters parameters;
  for (const auto& [key, shape] : parameter_shapes(network)) parameters[key].assign(product(shape), 0.0F);
  return parameters;
}

Parameters initial_parameters(const Network& network, std::uint64_t seed) {
  Parameters parameters;
  std::uint32_t index = 0;
  for (const auto& [key, shape] : parameter_shapes(network))
    parameters.emplace(key, initial_values(key, shape, seed, index++));
  return parameters;
}

void check_parameters(const Network& network, const Parameters& parameters) {
  const ParameterShapes shapes = parameter_shapes(network);
  for (const auto& [key, shape] : shapes) {
    const auto found = parameters.find(key);
    if (found == parameters.end())
      throw ShapeError(fmt::format("network {}: parameter {} is missing", network.name(), key));
    const std::vector<float>& values = found->second;
    if (values.size() != product(shape))
      throw ShapeError(fmt::format("network {}: parameter {} has {} values, expected [{}]", network.name(), key,
                                   values.size(), fmt::join(shape, ",")));
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      throw ShapeError(fmt::format("network {}: parameter {} holds a value that is not finite", network.name(), key));
    if (parameter_of(key) == "running_variance" && *std::min_element(values.begin(), values.end()) < 0)
      throw ShapeError(fmt::format("network {}: parameter {} holds a negative value", network.name(), key));
  }
  for (const auto& [key, values] : parameters)
    if (!shapes.contains(key))
      throw ShapeError(fmt::format("network {}: {} is not a parameter of it", network.name(), key));
}

Parameters tempered(const Network& network, Parameters parameters, double temperature) {
  const std::string& last = network.layers().back().name;
  for (const char* name : {"/weight", "/bias"})
    for (float& value : parameters.at(last + name)) value = static_cast<float>(value / temperature);
  return parameters;
}

}  // namespace cascadecl
