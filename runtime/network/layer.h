#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/network/layers/add.h"
#include "runtime/network/layers/batch_norm.h"
#include "runtime/network/layers/channel_shuffle.h"
#include "runtime/network/layers/clip.h"
#include "runtime/network/layers/concat.h"
#include "runtime/network/layers/convolution.h"
#include "runtime/network/layers/dense.h"
#include "runtime/network/layers/input.h"
#include "runtime/network/layers/pools.h"
#include "runtime/network/layers/relu.h"

namespace cascadecl {

// The type of a layer, with its attributes. All types are listed here, and nowhere else. Layers work on one image; the
// batch does not concern the description.
using LayerAttributes = std::variant<layers::Input, layers::Convolution, layers::BatchNorm, layers::Relu, layers::Clip,
                                     layers::Add, layers::AveragePool, layers::MaxPool, layers::GlobalAveragePool,
                                     layers::Concat, layers::ChannelShuffle, layers::Dense>;

// One named layer of the DAG. `inputs` name earlier layers (the list is in topological order). A name is parts of
// letters, digits, '_', '-', '.' joined by '/', at most 200 characters; none is the beginning of another ("block1"
// beside "block1/conv"), because names become paths in files.
struct Layer {
  std::string name;
  LayerAttributes attributes;
  std::vector<std::string> inputs;
  ImageShape shape;  // of the output; filled in and checked by Network

  // The attributes, if the layer is of this type; else nullptr.
  template <class Type>
  const Type* as() const {
    return std::get_if<Type>(&attributes);
  }
  template <class Type>
  bool is() const {
    return std::holds_alternative<Type>(attributes);
  }
  bool operator==(const Layer&) const = default;
};

// The answers of a layer's type, see layers/layer_type.h.
std::string_view type_name(const Layer& layer);  // as in layer lists and messages: "conv"
InputCount input_count(const Layer& layer);
std::string attribute_fault(const Layer& layer);
ImageShape output_shape(const Layer& layer, const LayerInputs& inputs);
std::int64_t layer_macs(const Layer& layer, const LayerInputs& inputs);  // at most max_layer_macs + 1
std::vector<Parameter> layer_parameters(const Layer& layer, const LayerInputs& inputs);
void visit_attributes(Layer& layer, Attributes& attributes);
void lower_layer(const Layer& layer, Lowerer& lowerer);

// A layer of each type, without a name. type_name() gives the types' names.
std::vector<Layer> all_layer_types();

}  // namespace cascadecl
