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
constexpr std::int64_t max_values = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t max_layer_macs = std::int64_t{1} << 48;

[[noreturn]] void fail(const Layer& layer, const std::string& problem) {
  throw ShapeError(fmt::format("{} {}: {}", type_name(layer.type), layer.name, problem));
}

// The product of positive sizes, or limit + 1 if it is larger than limit (< 2^62).
std::int64_t bounded_product(std::initializer_list<std::int64_t> sizes, std::int64_t limit) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (product > limit / size) return limit + 1;
    product *= size;
  }
  return product;
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

bool has_window(LayerType type) {
  return type == LayerType::convolution || type == LayerType::average_pool || type == LayerType::max_pool;
}

bool has_out_channels(LayerType type) { return type == LayerType::convolution || type == LayerType::dense; }

std::size_t arity(LayerType type) { return type == LayerType::input ? 0 : type == LayerType::add ? 2 : 1; }

void check_attributes(const Layer& layer) {
  if (has_out_channels(layer.type)) {
    if (layer.out_channels < 1) fail(layer, fmt::format("out_channels must be at least 1, got {}", layer.out_channels));
  } else if (layer.out_channels != 0) {
    fail(layer, "takes no out_channels");
  }
  if (!has_window(layer.type)) {
    if (layer.kernel_h != 1 || layer.kernel_w != 1 || layer.stride != 1 || layer.padding != 0)
      fail(layer, "takes no kernel, stride or padding");
    return;
  }
  if (layer.kernel_h < 1 || layer.kernel_w < 1)
    fail(layer, fmt::format("kernel must be at least 1x1, got {}x{}", layer.kernel_h, layer.kernel_w));
  if (layer.stride < 1) fail(layer, fmt::format("stride must be at least 1, got {}", layer.stride));
  if (layer.padding < 0 || layer.padding >= std::min(layer.kernel_h, layer.kernel_w))
    fail(layer, fmt::format("padding must be 0 or more and less than the kernel of {}x{}, got {}", layer.kernel_h,
                            layer.kernel_w, layer.padding));
}

// Rows or columns that a window gives; 0 or less if it does not fit.
std::int64_t window_positions(std::int64_t size, std::int64_t kernel, const Layer& layer) {
  const std::int64_t room = size + 2 * std::int64_t{layer.padding} - kernel;
  return room < 0 ? 0 : room / layer.stride + 1;
}

ImageShape window_shape(const Layer& layer, const ImageShape& in) {
  const std::int64_t height = window_positions(in.height, layer.kernel_h, layer);
  const std::int64_t width = window_positions(in.width, layer.kernel_w, layer);
  if (height < 1 || width < 1)
    fail(layer, fmt::format("kernel {}x{} with padding {} does not fit into input {}", layer.kernel_h, layer.kernel_w,
                            layer.padding, to_string(in)));
  const int channels = layer.type == LayerType::convolution ? layer.out_channels : in.channels;
  if (bounded_product({channels, height, width}, max_values) > max_values)
    fail(layer, fmt::format("output [{},{},{}] has more than 2^31-1 values", channels, height, width));
  return {channels, static_cast<int>(height), static_cast<int>(width)};
}

ImageShape output_shape(const Layer& layer, const std::vector<ImageShape>& in) {
  switch (layer.type) {
    case LayerType::input:
      break;  // checked by the caller, which knows the image
    case LayerType::convolution:
    case LayerType::average_pool:
    case LayerType::max_pool:
      return window_shape(layer, in[0]);
    case LayerType::batch_norm:
    case LayerType::relu:
      return in[0];
    case LayerType::add:
      if (in[0] != in[1])
        fail(layer, fmt::format("inputs {} {} and {} {} differ in shape", layer.inputs[0], to_string(in[0]),
                                layer.inputs[1], to_string(in[1])));
      return in[0];
    case LayerType::global_average_pool:
      return {in[0].channels, 1, 1};
    case LayerType::dense:
      if (in[0].height != 1 || in[0].width != 1)
        fail(layer, fmt::format("input is {}, expected one pixel [C,1,1]: pool first", to_string(in[0])));
      return {layer.out_channels, 1, 1};
  }
  fail(layer, "has no output shape");
}

// Values that training changes, by layer type; 0 for layers without any. Capped at max_values + 1.
std::int64_t trained_values(const Layer& layer, const ImageShape& in) {
  switch (layer.type) {
    case LayerType::convolution:
      return bounded_product({layer.out_channels, in.channels, layer.kernel_h, layer.kernel_w}, max_values);
    case LayerType::batch_norm:
      return std::int64_t{2} * in.channels;
    case LayerType::dense:
      return bounded_product({layer.out_channels, std::int64_t{in.channels} + 1}, max_values);
    default:
      return 0;
  }
}

// Capped at max_layer_macs + 1.
std::int64_t layer_macs(const Layer& layer, const ImageShape& in) {
  switch (layer.type) {
    case LayerType::convolution:
      return bounded_product(
          {layer.out_channels, in.channels, layer.kernel_h, layer.kernel_w, layer.shape.height, layer.shape.width},
          max_layer_macs);
    case LayerType::dense:
      return bounded_product({layer.out_channels, in.channels}, max_layer_macs);
    default:
      return 0;
  }
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
                      type_name(layer.type), i, max_name_length));
    if ((layer.type == LayerType::input) != (i == 0)) fail(layer, "the first layer and only it must be the input");
    if ((layer.type == LayerType::dense) != (i + 1 == layers_.size()))
      fail(layer, "the last layer and only it must be dense");
    check_attributes(layer);
    const std::vector<ImageShape> in = shapes_of_inputs(layer);
    layer.shape = i == 0 ? input_ : output_shape(layer, in);
    if (i > 0) check_size(layer, in[0]);
    if (!index_.emplace(layer.name, i).second) fail(layer, "another layer has the same name");
  }

  std::vector<ImageShape> shapes_of_inputs(const Layer& layer) {
    if (layer.inputs.size() != arity(layer.type))
      fail(layer, fmt::format("has {} inputs, expected {}", layer.inputs.size(), arity(layer.type)));
    std::vector<ImageShape> shapes;
    for (const std::string& name : layer.inputs) {
      const auto found = index_.find(name);
      if (found == index_.end()) fail(layer, fmt::format("input '{}' is not an earlier layer", name));
      used_.insert(found->second);
      shapes.push_back(layers_[found->second].shape);
    }
    return shapes;
  }

  void check_size(const Layer& layer, const ImageShape& in) {
    values_ += trained_values(layer, in) + (layer.type == LayerType::batch_norm ? 2 * std::int64_t{in.channels} : 0);
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

std::string_view type_name(LayerType type) {
  switch (type) {
    case LayerType::input:
      return "input";
    case LayerType::convolution:
      return "conv";
    case LayerType::batch_norm:
      return "batch_norm";
    case LayerType::relu:
      return "relu";
    case LayerType::add:
      return "add";
    case LayerType::average_pool:
      return "average_pool";
    case LayerType::max_pool:
      return "max_pool";
    case LayerType::global_average_pool:
      return "global_average_pool";
    case LayerType::dense:
      return "dense";
  }
  return "unknown";
}

Network::Network(std::string name, ImageShape input, std::vector<Layer> layers)
    : name_(std::move(name)), input_(input), layers_(std::move(layers)) {
  Checker(input_, layers_).run();
}

int Network::index_of(std::string_view name) const {
  const auto found = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.name == name; });
  if (found == layers_.end()) throw UsageError(fmt::format("network {} has no layer '{}'", name_, name));
  return static_cast<int>(found - layers_.begin());
}

const Layer& Network::layer(std::string_view name) const { return layers_[static_cast<std::size_t>(index_of(name))]; }

std::int64_t Network::macs(const Layer& layer) const {
  return layer.type == LayerType::input ? 0 : layer_macs(layer, input_shape_of(layer));
}

std::int64_t Network::macs() const {
  return std::accumulate(layers_.begin(), layers_.end(), std::int64_t{0},
                         [&](std::int64_t sum, const Layer& l) { return sum + macs(l); });
}

std::int64_t Network::convolution_macs() const { return macs() - macs(layers_.back()); }

std::int64_t Network::parameter_count(const Layer& layer) const {
  return layer.type == LayerType::input ? 0 : trained_values(layer, input_shape_of(layer));
}

std::int64_t Network::parameter_count() const {
  return std::accumulate(layers_.begin(), layers_.end(), std::int64_t{0},
                         [&](std::int64_t sum, const Layer& l) { return sum + parameter_count(l); });
}

}  // namespace cascadecl
