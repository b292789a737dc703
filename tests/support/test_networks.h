#pragma once
#include <string>
#include <vector>

#include "runtime/network/description.h"
#include "runtime/network/parameters.h"

// Networks for tests of plans.
namespace cascadecl::testing {

// Writes layer lists tersely. Each call adds a layer and returns its name; an empty input is the layer before.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(ImageShape input);
  static constexpr Window same{3, 3, 1, 1};  // keeps the shape
  std::string convolution(int channels, Window window = same, const std::string& input = "");
  std::string convolution(const layers::Convolution& convolution, const std::string& input = "");
  std::string dense(const layers::Dense& dense, const std::string& input = "");
  std::string max_pool(Window window, const std::string& input = "");
  std::string average_pool(Window window, const std::string& input = "");
  std::string global_average_pool(const std::string& input = "");
  std::string batch_norm(const std::string& input = "");
  std::string relu(const std::string& input = "");
  std::string clip(float low, float high, const std::string& input = "");
  std::string add(const std::string& a, const std::string& b);
  std::string concat(const std::vector<std::string>& parts);
  std::string channel_shuffle(int groups, const std::string& input = "");
  const std::string& last() const { return layers_.back().name; }
  Network finish(int classes);        // adds global average pool and dense
  Network finish_dense(int classes);  // adds dense alone, to an image of one pixel
  Network finish_dense(const layers::Dense& dense);
  Network finish_all(int classes);  // the same after adding all values, of one shape, that nothing reads yet

 private:
  std::string append(LayerAttributes attributes, const std::vector<std::string>& inputs);
  ImageShape input_;
  std::vector<Layer> layers_;
};

// A small ResNet of two stages with pre-activation units of 16 and 32 channels and a projection between.
Network small_resnet(ImageShape input = {3, 8, 8}, int classes = 5);

// All that the zoo has not: batch norm on the image and on a batch norm, 5x5 and 2x3 kernels, a projection shortcut,
// max and average pools, ReLU without batch norm, a sum of two views, of a value with itself, values with many readers.
Network odd_network();

// All that convolutions and dense layers can besides: biases, groups, depthwise ones, with a residual, a batch norm or
// a ReLU behind them; dense layers before the last, with and without a bias, and a last one without.
Network biased_network();

// Clips and ReLUs before all that reads through a view, with a batch norm between and without, and one after the other.
Network clipped_network();

// Concats of parts that end inside of channel blocks and of parts that do not; of the image, of views of all kinds, of
// a value with itself, and of concats.
Network concat_network();

// Channel shuffles between convolutions in groups: of the image, of views of all kinds, in whole channel blocks and in
// others, in one group and in as many as there are channels, one after the other, of a value with many readers.
Network shuffled_network();

// Initial weights with all else away from its neutral value, so that nothing can be left out.
Parameters random_parameters(const Network& network, unsigned seed);

// n normal images [n][C][H][W].
std::vector<double> random_images(const Network& network, int n, unsigned seed);

}  // namespace cascadecl::testing
