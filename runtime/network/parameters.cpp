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

using NamedParameters = std::map<std::string, Parameter, std::less<>>;

// All parameters of a network, by "layer/parameter".
NamedParameters all_parameters(const Network& network) {
  NamedParameters all;
  for (const Layer& layer : network.layers())
    for (Parameter& parameter : layer_parameters(layer, network.inputs_of(layer)))
      all.emplace(layer.name + "/" + parameter.name, std::move(parameter));
  return all;
}

ParameterShapes shapes_of(const NamedParameters& parameters) {
  ParameterShapes shapes;
  for (const auto& [key, parameter] : parameters) shapes.emplace(key, parameter.shape);
  return shapes;
}

std::size_t size_of(const Parameter& parameter) { return static_cast<std::size_t>(parameter.values()); }

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

std::vector<float> initial_values(const Parameter& parameter, std::uint64_t seed, std::uint32_t index) {
  if (parameter.initial != Parameter::Initial::he)
    return std::vector<float>(size_of(parameter), parameter.initial == Parameter::Initial::one ? 1.0F : 0.0F);
  std::vector<float> values(size_of(parameter));
  const std::size_t fan_in = values.size() / static_cast<std::size_t>(parameter.shape.front());
  const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(seed, index, i, deviation);
  return values;
}

}  // namespace

ParameterShapes parameter_shapes(const Network& network) { return shapes_of(all_parameters(network)); }

ParameterShapes trained_parameter_shapes(const Network& network) {
  NamedParameters parameters = all_parameters(network);
  std::erase_if(parameters, [](const auto& entry) { return !entry.second.trained; });
  return shapes_of(parameters);
}

Parameters zero_parameters(const Network& network) {
  Parameters parameters;
  for (const auto& [key, parameter] : all_parameters(network)) parameters[key].assign(size_of(parameter), 0.0F);
  return parameters;
}

Parameters initial_parameters(const Network& network, std::uint64_t seed) {
  Parameters parameters;
  std::uint32_t index = 0;
  for (const auto& [key, parameter] : all_parameters(network))
    parameters.emplace(key, initial_values(parameter, seed, index++));
  return parameters;
}

void check_parameters(const Network& network, const Parameters& parameters) {
  const NamedParameters known = all_parameters(network);
  for (const auto& [key, parameter] : known) {
    const auto found = parameters.find(key);
    if (found == parameters.end())
      throw ShapeError(fmt::format("network {}: parameter {} is missing", network.name(), key));
    const std::vector<float>& values = found->second;
    if (values.size() != size_of(parameter))
      throw ShapeError(fmt::format("network {}: parameter {} has {} values, expected [{}]", network.name(), key,
                                   values.size(), fmt::join(parameter.shape, ",")));
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      throw ShapeError(fmt::format("network {}: parameter {} holds a value that is not finite", network.name(), key));
    if (!parameter.may_be_negative && *std::min_element(values.begin(), values.end()) < 0)
      throw ShapeError(fmt::format("network {}: parameter {} holds a negative value", network.name(), key));
  }
  for (const auto& [key, values] : parameters)
    if (!known.contains(key))
      throw ShapeError(fmt::format("network {}: {} is not a parameter of it", network.name(), key));
}

Parameters tempered(const Network& network, Parameters parameters, double temperature) {
  const std::string& last = network.layers().back().name;
  for (const char* name : {"/weight", "/bias"})
    for (float& value : parameters.at(last + name)) value = static_cast<float>(value / temperature);
  return parameters;
}

}  // namespace cascadecl
