#include "runtime/network/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <unordered_map>

#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr std::size_t max_layers = 10'000, max_name_length = 200;

[[noreturn]] void fail(const Layer& layer, const std::string& problem) {
  throw ShapeError(fmt::format("{} {}: {}", type_name(layer), layer.name, problem));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// Parts joined by '/'; "." and ".." would mean something else in a file's paths.
bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_length) return false;
  while (true) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, end);
    if (part.empty() || part == "." || part == ".." || !std::all_of(part.begin(), part.end(), is_name_character))
      return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

std::string to_string(const InputCount& count) {
  return count.least == count.most ? std::to_string(count.least) : fmt::format("{} to {}", count.least, count.most);
}

// Values that training changes, and all of a layer's; each at most max_values + 1 for each parameter.
std::int64_t trained_values(const std::vector<Parameter>& parameters) {
  std::int64_t sum = 0;
  for (const Parameter& parameter : parameters) sum += parameter.trained ? parameter.values() : 0;
  return sum;
}

std::int64_t all_values(const std::vector<Parameter>& parameters) {
  std::int64_t sum = 0;
  for (const Parameter& parameter : parameters) sum += parameter.values();
  return sum;
}

// Checks the layers one after the other and fills in their shapes.
class Checker {
 public:
  Checker(const ImageShape& input, std::vector<Layer>& layers) : input_(input), layers_(layers) {}

  void run() {
    if (layers_.empty()) throw ShapeError("network has no layers");
    if (layers_.size() > max_layers)
      throw ShapeError(fmt::format("network has {} layers, at most {} are allowed", layers_.size(), max_layers));
    if (input_.channels < 1 || input_.height < 1 || input_.width < 1 ||
        bounded_product({input_.channels, input_.height, input_.width}, max_values) > max_values)
      throw ShapeError(fmt::format("network input {}: each size must be at least 1 and their product below 2^31",
                                   to_string(input_)));
    for (std::size_t i = 0; i < layers_.size(); ++i) check_layer(i);
    check_prefixes();
    check_use();
  }

 private:
  void check_layer(std::size_t i) {
    Layer& layer = layers_[i];
    if (!is_valid_name(layer.name))
      throw ShapeError(
          fmt::format("{} layer {}: its name must be 1 to {} letters, digits, '_', '-' or '.', in parts "
                      "joined by '/'",
                      type_name(layer), i, max_name_length));
    if (layer.is<layers::Input>() != (i == 0)) fail(layer, "the first layer and only it must be the input");
    if (i + 1 == layers_.size() && !layer.is<layers::Dense>()) fail(layer, "the last layer must be dense");
    if (const std::string fault = attribute_fault(layer); !fault.empty()) fail(layer, fault);
    const LayerInputs in = inputs_of(layer);
    try {
      layer.shape = i == 0 ? input_ : output_shape(layer, in);
    } catch (const ShapeError& error) {
      fail(layer, error.what());
    }
    check_size(layer, in);
    if (!index_.emplace(layer.name, i).second) fail(layer, "another layer has the same name");
  }

  LayerInputs inputs_of(const Layer& layer) {
    const InputCount count = input_count(layer);
    if (layer.inputs.size() < count.least || layer.inputs.size() > count.most)
      fail(layer, fmt::format("has {} inputs, expected {}", layer.inputs.size(), to_string(count)));
    LayerInputs inputs;
    for (const std::string& name : layer.inputs) {
      const auto found = index_.find(name);
      if (found == index_.end()) fail(layer, fmt::format("input '{}' is not an earlier layer", name));
      used_.insert(found->second);
      inputs.push_back({name, layers_[found->second].shape});
    }
    return inputs;
  }

  void check_size(const Layer& layer, const LayerInputs& in) {
    values_ += all_values(layer_parameters(layer, in));
    if (values_ > max_values) fail(layer, "network has more than 2^31-1 parameters");
    if (layer_macs(layer, in) > max_layer_macs) fail(layer, "needs more than 2^48 MACs");
  }

  // "block1" beside "block1/conv" would be a data set and a group of the same path in a model file.
  void check_prefixes() const {
    for (const Layer& layer : layers_)
      for (std::size_t end = layer.name.find('/'); end != std::string::npos; end = layer.name.find('/', end + 1))
        if (index_.contains(layer.name.substr(0, end)))
          fail(layer, fmt::format("'{}' is a layer, so it cannot begin another name", layer.name.substr(0, end)));
  }

  void check_use() const {
    for (std::size_t i = 0; i + 1 < layers_.size(); ++i)
      if (!used_.contains(i)) fail(layers_[i], "its output is used by no layer");
  }

  ImageShape input_;
  std::vector<Layer>& layers_;
  std::unordered_map<std::string, std::size_t> index_;
  std::set<std::size_t> used_;
  std::int64_t values_ = 0;
};

}  // namespace

Network::Network(std::string name, ImageShape input, std::vector<Layer> layers)
    : name_(std::move(name)), input_(input), layers_(std::move(layers)) {
  Checker(input_, layers_).run();
  for (std::size_t i = 0; i < layers_.size(); ++i) index_.emplace(layers_[i].name, static_cast<int>(i));
}

int Network::index_of(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw UsageError(fmt::format("network {} has no layer '{}'", name_, name));
  return found->second;
}

const Layer& Network::layer(std::string_view name) const { return layers_[static_cast<std::size_t>(index_of(name))]; }

LayerInputs Network::inputs_of(const Layer& l) const {
  LayerInputs inputs;
  for (const std::string& name : l.inputs) inputs.push_back({name, layer(name).shape});
  return inputs;
}

std::int64_t Network::macs(const Layer& l) const { return layer_macs(l, inputs_of(l)); }

std::int64_t Network::macs() const {
  return std::accumulate(layers_.begin(), layers_.end(), std::int64_t{0},
                         [&](std::int64_t sum, const Layer& l) { return sum + macs(l); });
}

std::int64_t Network::convolution_macs() const {
  return std::accumulate(layers_.begin(), layers_.end(), std::int64_t{0}, [&](std::int64_t sum, const Layer& l) {
    return l.is<layers::Convolution>() ? sum + macs(l) : sum;
  });
}

std::int64_t Network::parameter_count(const Layer& l) const {
  return trained_values(layer_parameters(l, inputs_of(l)));
}

std::int64_t Network::parameter_count() const {
  return std::accumulate(layers_.begin(), layers_.end(), std::int64_t{0},
                         [&](std::int64_t sum, const Layer& l) { return sum + parameter_count(l); });
}

}  // namespace cascadecl
