#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/image_shape.h"

namespace cascadecl {

// What a layer does. Layers work on one image; the batch is no concern of the description.
enum class LayerType {
  input,                // the normalised image; exactly one, the first layer
  convolution,          // attributes out_channels, kernel_h, kernel_w, stride, padding (zeros, < kernel); no bias
  batch_norm,           // per channel; epsilon is batch_norm_epsilon
  relu,                 // max(x, 0)
  add,                  // two inputs of equal shape
  average_pool,         // kernel_h, kernel_w, stride, padding (< kernel); the mean counts real pixels only
  max_pool,             // kernel_h, kernel_w, stride, padding (< kernel)
  global_average_pool,  // [C,H,W] -> [C,1,1]
  dense,                // [C,1,1] -> [out_channels,1,1], with bias; exactly one, the last layer: the logits
};

// As in layer lists and messages: "input", "conv", "batch_norm", "relu", "add", "average_pool", "max_pool",
// "global_average_pool", "dense".
std::string_view type_name(LayerType type);

// Added to the variance before the square root, in every batch norm.
constexpr float batch_norm_epsilon = 1e-5F;

// One named layer of the DAG. `inputs` name earlier layers (the list is in topological order). Attributes that a type
// does not use keep their defaults. A name is parts of letters, digits, '_', '-', '.' joined by '/', at most 200
// characters; none is the beginning of another ("block1" beside "block1/conv"), because names become paths in files.
struct Layer {
  std::string name;
  LayerType type = LayerType::input;
  std::vector<std::string> inputs;
  int out_channels = 0;  // convolution, dense
  int kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;
  ImageShape shape;  // of the output; filled in and checked by Network
  bool operator==(const Layer&) const = default;
};

// A network without a device: a checked list of named layers that ends in a dense layer giving `classes` logits.
class Network {
 public:
  // Checks names (unique, inputs known and earlier), the arity of each layer and all shapes, and fills in Layer::shape.
  // Every layer but the last must be used. Limits: 10,000 layers, 2^31-1 values in an activation and in all parameters
  // together, 2^48 MACs a layer. Throws ShapeError that names the layer ("conv block2/unit1/conv2: ...").
  Network(std::string name, ImageShape input, std::vector<Layer> layers);

  const std::string& name() const { return name_; }
  ImageShape input_shape() const { return input_; }
  int classes() const { return layers_.back().out_channels; }
  // Pooled features: the values that enter the dense layer.
  int feature_count() const { return layer(layers_.back().inputs.front()).shape.channels; }
  const std::vector<Layer>& layers() const { return layers_; }
  const Layer& layer(std::string_view name) const;  // throws UsageError if there is none of that name
  int index_of(std::string_view name) const;        // position in layers(); throws like layer()

  // Multiply-adds for one image. Paper, Table 1 counts convolutions only (its "FLOPs"): 14.86 M for resnet-8.
  std::int64_t convolution_macs() const;
  // With the dense layer: what a run really costs and what rewards and reports use.
  std::int64_t macs() const;
  std::int64_t macs(const Layer& layer) const;
  // All trained values; running_mean and running_variance are statistics and not counted.
  std::int64_t parameter_count() const;
  std::int64_t parameter_count(const Layer& layer) const;

  // The layer list as JSON text (share/doc/model-file.md), and back. from_json is strict, unknown fields are errors;
  // it throws FileError naming the layer and field that is wrong.
  std::string to_json() const;
  static Network from_json(std::string_view json);

  bool operator==(const Network&) const = default;

 private:
  const ImageShape& input_shape_of(const Layer& layer) const { return this->layer(layer.inputs.at(0)).shape; }

  std::string name_;
  ImageShape input_;
  std::vector<Layer> layers_;
};

}  // namespace cascadecl
