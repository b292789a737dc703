#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/layer.h"

namespace cascadecl {

// A network without a device: a checked list of named layers, ending in a dense layer that gives `classes` logits.
class Network {
 public:
  // Checks names (unique, inputs known and earlier), the arity of each layer and all shapes, and fills in Layer::shape.
  // Every layer but the last must be used. Limits: 10,000 layers, 2^31-1 values in an activation and in all parameters
  // together, 2^48 MACs a layer. Throws ShapeError that names the layer ("conv block2/unit1/conv2: ...").
  Network(std::string name, ImageShape input, std::vector<Layer> layers);

  const std::string& name() const { return name_; }
  ImageShape input_shape() const { return input_; }
  int classes() const { return layers_.back().shape.channels; }
  // Pooled features: the values that enter the dense layer.
  int feature_count() const { return layer(layers_.back().inputs.front()).shape.channels; }
  const std::vector<Layer>& layers() const { return layers_; }
  const Layer& layer(std::string_view name) const;  // throws UsageError if there is none of that name
  int index_of(std::string_view name) const;        // position in layers(); throws like layer()
  LayerInputs inputs_of(const Layer& layer) const;

  // Multiply-adds for one image, of the convolutions alone. These are the "FLOPs" of the paper's Table 1: 14.86 M for
  // resnet-8.
  std::int64_t convolution_macs() const;
  // The same with the dense layers: the real cost of a run, which rewards and reports use.
  std::int64_t macs() const;
  std::int64_t macs(const Layer& layer) const;
  // All trained values; statistics, such as running_mean, are not counted.
  std::int64_t parameter_count() const;
  std::int64_t parameter_count(const Layer& layer) const;

  // The layer list as JSON text (share/doc/model-file.md), and back. from_json is strict, unknown fields are errors;
  // it throws FileError naming the layer and field that is wrong.
  std::string to_json() const;
  static Network from_json(std::string_view json);

  bool operator==(const Network&) const = default;

 private:
  std::string name_;
  ImageShape input_;
  std::vector<Layer> layers_;
  std::map<std::string, int, std::less<>> index_;  // of layers_ by name
};

}  // namespace cascadecl
