#include "tests/support/test_networks.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <utility>

namespace cascadecl::testing {
namespace {

// mt19937 is the same everywhere; the standard distributions are not.
double uniform(std::mt19937& engine) { return (static_cast<double>(engine()) + 0.5) / 4294967296.0; }
double normal(std::mt19937& engine) {
  const double radius = std::sqrt(-2 * std::log(uniform(engine)));
  return radius * std::cos(2 * std::numbers::pi * uniform(engine));
}

std::string unit(NetworkBuilder& net, int channels) {
  const std::string shortcut = net.last();
  net.batch_norm();
  net.relu();
  net.convolution(channels);
  net.batch_norm();
  net.relu();
  return net.add(shortcut, net.convolution(channels));
}

}  // namespace

NetworkBuilder::NetworkBuilder(ImageShape input) : input_(input) { append(layers::Input{}, {}); }

std::string NetworkBuilder::append(LayerAttributes attributes, const std::vector<std::string>& inputs) {
  Layer layer{.name = {}, .attributes = attributes};
  layer.name = std::string(type_name(layer)) + std::to_string(layers_.size());
  for (const std::string& input : inputs) layer.inputs.push_back(input.empty() ? last() : input);
  layers_.push_back(std::move(layer));
  return last();
}

std::string NetworkBuilder::convolution(int channels, Window window, const std::string& input) {
  return append(layers::Convolution{.out_channels = channels, .window = window}, {input});
}

std::string NetworkBuilder::convolution(const layers::Convolution& convolution, const std::string& input) {
  return append(convolution, {input});
}

std::string NetworkBuilder::dense(const layers::Dense& dense, const std::string& input) {
  return append(dense, {input});
}

std::string NetworkBuilder::max_pool(Window window, const std::string& input) {
  return append(layers::MaxPool{.window = window}, {input});
}

std::string NetworkBuilder::average_pool(Window window, const std::string& input) {
  return append(layers::AveragePool{.window = window}, {input});
}

std::string NetworkBuilder::global_average_pool(const std::string& input) {
  return append(layers::GlobalAveragePool{}, {input});
}

std::string NetworkBuilder::batch_norm(const std::string& input) { return append(layers::BatchNorm{}, {input}); }
std::string NetworkBuilder::relu(const std::string& input) { return append(layers::Relu{}, {input}); }
std::string NetworkBuilder::clip(float low, float high, const std::string& input) {
  return append(layers::Clip{.low = low, .high = high}, {input});
}
std::string NetworkBuilder::add(const std::string& a, const std::string& b) { return append(layers::Add{}, {a, b}); }

std::string NetworkBuilder::concat(const std::vector<std::string>& parts) { return append(layers::Concat{}, parts); }

std::string NetworkBuilder::channel_shuffle(int groups, const std::string& input) {
  return append(layers::ChannelShuffle{.groups = groups}, {input});
}

Network NetworkBuilder::finish(int classes) {
  global_average_pool();
  return finish_dense(classes);
}

Network NetworkBuilder::finish_dense(int classes) { return finish_dense({.out_channels = classes}); }

Network NetworkBuilder::finish_dense(const layers::Dense& dense) {
  append(dense, {""});
  return Network("test", input_, layers_);
}

Network NetworkBuilder::finish_all(int classes) {
  std::vector<std::string> unread;
  for (const Layer& layer : layers_) {
    const bool read = std::ranges::any_of(layers_, [&](const Layer& reader) {
      return std::ranges::find(reader.inputs, layer.name) != reader.inputs.end();
    });
    if (!read) unread.push_back(layer.name);
  }
  std::string sum = unread[0];
  for (std::size_t i = 1; i < unread.size(); ++i) sum = add(sum, unread[i]);
  global_average_pool(sum);
  return finish_dense(classes);
}

Network small_resnet(ImageShape input, int classes) {
  NetworkBuilder net(input);
  net.convolution(16);
  unit(net, 16);
  net.convolution(32, {1, 1, 2, 0});
  unit(net, 32);
  net.batch_norm();
  net.relu();
  return net.finish(classes);
}

Network odd_network() {
  NetworkBuilder net({3, 13, 11});
  net.batch_norm();
  net.convolution(20, {5, 5, 2, 2});
  net.batch_norm();
  const std::string stem = net.relu();
  const std::string projection = net.batch_norm(net.convolution(24, {1, 1, 2, 0}, stem));
  net.convolution(20, net.same, stem);
  net.batch_norm();
  net.batch_norm();
  net.relu();
  const std::string branch = net.batch_norm(net.convolution(24, {3, 3, 2, 1}));
  const std::string sum = net.add(branch, projection);
  const std::string active = net.relu();
  const std::string most = net.max_pool(net.same, active);
  const std::string mean = net.average_pool(net.same, sum);
  const std::string pools = net.add(most, mean);
  const std::string mixed = net.add(net.convolution(24, net.same, active), pools);
  net.add(mixed, mixed);
  net.batch_norm();
  net.relu();
  net.convolution(9, {2, 3, 1, 1});
  net.relu();
  return net.finish(7);
}

Network biased_network() {
  NetworkBuilder net({3, 7, 7});
  const std::string stem = net.convolution({.out_channels = 16, .window = net.same, .bias = true});
  net.batch_norm();
  net.relu();
  net.convolution({.out_channels = 16, .window = net.same, .bias = true, .groups = 16});
  const std::string depthwise = net.relu();
  const std::string grouped = net.convolution({.out_channels = 16, .window = net.same, .groups = 4}, stem);
  const std::string sum = net.add(grouped, net.convolution({.out_channels = 16, .window = net.same, .bias = true}));
  net.batch_norm(net.add(sum, depthwise));
  net.relu();
  net.convolution({.out_channels = 20, .window = {2, 1, 1, 0}, .bias = true, .groups = 2});
  net.relu();
  net.convolution({.out_channels = 20, .window = {1, 2, 1, 0}, .bias = true});
  net.global_average_pool();
  net.dense({.out_channels = 24});
  net.batch_norm();
  net.relu();
  const std::string hidden = net.dense({.out_channels = 18, .bias = false});
  net.relu();
  net.add(hidden, net.dense({.out_channels = 18}));
  return net.finish_dense({.out_channels = 6, .bias = false});
}

Network clipped_network() {
  NetworkBuilder net({3, 7, 7});
  net.convolution(16, net.same);
  net.batch_norm();
  const std::string stem = net.clip(0, 1);
  net.convolution(16, net.same);  // in 16 channels: Winograd
  const std::string middle = net.clip(-0.5, 0.75);
  net.convolution(20, {2, 3, 1, 1}, stem);
  net.relu();
  net.clip(-1, 0.5);
  net.convolution(16, {2, 1, 1, 0});
  net.batch_norm();
  net.clip(-2, 1);
  const std::string last = net.relu();
  net.max_pool(net.same, net.add(middle, stem));
  net.batch_norm(net.add(net.last(), last));
  net.clip(-1, 1);
  return net.finish(5);
}

Network concat_network() {
  NetworkBuilder net({3, 6, 5});
  const std::string image = net.last();
  const std::string five = net.convolution(5, net.same);
  net.batch_norm();
  const std::string normal = net.relu();
  const std::string odd = net.concat({image, normal, five, normal});  // 18 channels, in blocks of 4 and 8
  const std::string wide = net.convolution(16, net.same, odd);
  const std::string clipped = net.clip(-0.5, 1, wide);
  net.convolution(32, net.same, odd);
  const std::string twice = net.concat({net.batch_norm(), clipped, wide});  // whole blocks
  net.convolution(20, {1, 1, 1, 0}, twice);
  net.relu();
  const std::string partial = net.concat({net.last(), wide, odd});  // the second begins inside of a block
  net.concat({partial, net.batch_norm(partial)});
  net.batch_norm();
  net.relu();
  return net.finish(4);
}

Network shuffled_network() {
  NetworkBuilder net({6, 6, 5});
  net.channel_shuffle(3);  // of the image
  net.convolution({.out_channels = 16, .window = net.same, .groups = 2});
  net.batch_norm();
  const std::string stem = net.relu();
  net.channel_shuffle(2);  // whole blocks
  const std::string four = net.channel_shuffle(4);
  net.convolution({.out_channels = 21, .window = net.same}, stem);
  net.batch_norm();
  net.clip(-0.5, 1);
  net.channel_shuffle(7);  // the last block is not full
  net.convolution({.out_channels = 36, .window = {1, 1, 1, 0}, .groups = 3});
  const std::string wide = net.last();
  const std::string shuffled = net.channel_shuffle(6, wide);
  const std::string same = net.channel_shuffle(1, net.relu(wide));
  net.add(net.channel_shuffle(36, net.batch_norm(wide)), net.add(shuffled, same));
  net.convolution({.out_channels = 16, .window = {1, 1, 1, 0}, .groups = 4});
  net.add(net.batch_norm(), four);
  net.channel_shuffle(8);
  net.batch_norm();
  net.relu();
  net.global_average_pool();
  net.channel_shuffle(2);  // of one pixel
  return net.finish_dense(4);
}

Parameters random_parameters(const Network& network, unsigned seed) {
  std::mt19937 engine(seed);
  Parameters parameters = initial_parameters(network, seed);
  for (auto& [key, values] : parameters) {
    for (float& value : values) {
      if (key.ends_with("/gamma")) value = static_cast<float>(0.5 + uniform(engine));
      if (key.ends_with("/beta") || key.ends_with("/bias")) value = static_cast<float>(uniform(engine) - 0.5);
      if (key.ends_with("/running_mean")) value = static_cast<float>(uniform(engine) - 0.5);
      if (key.ends_with("/running_variance")) value = static_cast<float>(0.5 + 1.5 * uniform(engine));
    }
  }
  return parameters;
}

std::vector<double> random_images(const Network& network, int n, unsigned seed) {
  std::mt19937 engine(seed);
  const ImageShape shape = network.input_shape();
  std::vector<double> images(static_cast<std::size_t>(n) *
                             static_cast<std::size_t>(shape.channels * shape.height * shape.width));
  for (double& value : images) value = static_cast<double>(static_cast<float>(normal(engine)));
  return images;
}

}  // namespace cascadecl::testing
