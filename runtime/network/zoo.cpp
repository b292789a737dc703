#include "runtime/network/zoo.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr int max_depth = 1202, max_width = 64;

// Three blocks of `units` units each with `channels`, 2 `channels` and 4 `channels` channels.
struct Plan {
  int units = 0, channels = 16;
  bool ends_in_batch_norm = false;  // what a unit adds is normalised first
};

// Appends layers, each by default on top of the last one.
class Builder {
 public:
  explicit Builder(std::vector<Layer>& layers) : layers_(layers) {
    layers_.push_back({.name = "input", .attributes = layers::Input{}});
  }

  const std::string& top() const { return layers_.back().name; }

  void append(std::string name, LayerAttributes attributes) {
    layers_.push_back({.name = std::move(name), .attributes = attributes, .inputs = {std::string(top())}});
  }

  void conv(std::string name, int channels, int kernel, int stride) {
    append(std::move(name),
           layers::Convolution{.out_channels = channels, .window = {kernel, kernel, stride, kernel / 2}});
  }

  // x + conv3x3(relu(bn(conv3x3(relu(bn(x)))))), channels kept.
  void unit(const std::string& prefix, int channels) {
    const std::string x = top();
    for (int i = 1; i <= 2; ++i) {
      append(fmt::format("{}/bn{}", prefix, i), layers::BatchNorm{});
      append(fmt::format("{}/relu{}", prefix, i), layers::Relu{});
      conv(fmt::format("{}/conv{}", prefix, i), channels, 3, 1);
    }
    add(prefix, x);
  }

  // x + bn(conv3x3(relu(bn(conv3x3(bn(x)))))), channels kept.
  void unit_ending_in_batch_norm(const std::string& prefix, int channels) {
    const std::string x = top();
    append(prefix + "/bn1", layers::BatchNorm{});
    conv(prefix + "/conv1", channels, 3, 1);
    append(prefix + "/bn2", layers::BatchNorm{});
    append(prefix + "/relu", layers::Relu{});
    conv(prefix + "/conv2", channels, 3, 1);
    append(prefix + "/bn3", layers::BatchNorm{});
    add(prefix, x);
  }

  void dense(int classes) { append("dense", layers::Dense{.out_channels = classes}); }

 private:
  // x and the last layer.
  void add(const std::string& prefix, const std::string& x) {
    append(prefix + "/add", layers::Add{});
    layers_.back().inputs.insert(layers_.back().inputs.begin(), x);
  }

  std::vector<Layer>& layers_;
};

std::vector<Layer> build(const Plan& plan, int classes) {
  std::vector<Layer> layers;
  Builder builder(layers);
  builder.conv("conv1", plan.channels, 3, 1);
  for (int block = 1, channels = plan.channels; block <= 3; ++block, channels *= 2) {
    if (block > 1) builder.conv(fmt::format("block{}/down", block), channels, 1, 2);
    for (int unit = 1; unit <= plan.units; ++unit) {
      const std::string prefix = fmt::format("block{}/unit{}", block, unit);
      if (plan.ends_in_batch_norm) {
        builder.unit_ending_in_batch_norm(prefix, channels);
      } else {
        builder.unit(prefix, channels);
      }
    }
  }
  builder.append("bn", layers::BatchNorm{});
  builder.append("relu", layers::Relu{});
  builder.append("pool", layers::GlobalAveragePool{});
  builder.dense(classes);
  return layers;
}

// The whole text as a number, or nothing.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Plan> parse_resnet(std::string_view name) {
  constexpr std::string_view prefix = "resnet-", suffix = "-bn";
  if (!name.starts_with(prefix)) return std::nullopt;
  std::string_view number = name.substr(prefix.size());
  const bool ends_in_batch_norm = number.ends_with(suffix);
  if (ends_in_batch_norm) number.remove_suffix(suffix.size());
  const auto depth = parse_number<int>(number);
  if (!depth || *depth < 8 || *depth > max_depth || *depth % 6 != 2 || number != std::to_string(*depth))
    return std::nullopt;
  return Plan{.units = (*depth - 2) / 6, .ends_in_batch_norm = ends_in_batch_norm};
}

std::optional<Plan> parse_wide_resnet(std::string_view name) {
  constexpr std::string_view prefix = "wrn-";
  const std::size_t dash = name.find('-', prefix.size());
  if (!name.starts_with(prefix) || dash == std::string_view::npos) return std::nullopt;
  const auto depth = parse_number<int>(name.substr(prefix.size(), dash - prefix.size()));
  const auto width = parse_number<double>(name.substr(dash + 1));
  if (!depth || *depth < 10 || *depth > max_depth || *depth % 6 != 4) return std::nullopt;
  if (!width || !(*width >= 1.0 / 16 && *width <= max_width) || std::floor(16 * *width) != 16 * *width)
    return std::nullopt;
  if (name != fmt::format("wrn-{}-{:g}", *depth, *width)) return std::nullopt;  // one spelling for one network
  return Plan{.units = (*depth - 4) / 6, .channels = static_cast<int>(16 * *width)};
}

}  // namespace

Network make_network(std::string_view name, ImageShape input, int classes) {
  auto plan = parse_resnet(name);
  if (!plan) plan = parse_wide_resnet(name);
  if (!plan)
    throw UsageError(
        fmt::format("unknown network '{}': known are resnet-8, resnet-20, resnet-32, resnet-56, resnet-110 and every "
                    "resnet-N with N = 6n+2 up to {}, also as resnet-N-bn; wrn-40-1, wrn-40-1.5, wrn-40-2, wrn-40-3, "
                    "wrn-40-4 and every wrn-D-K with D = 6n+4 up to {} and K a multiple of 1/16 up to {}",
                    name, max_depth, max_depth, max_width));
  return Network(std::string(name), input, build(*plan, classes));
}

}  // namespace cascadecl
