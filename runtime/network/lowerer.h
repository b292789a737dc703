#pragma once
#include <vector>

#include "runtime/network/lowering.h"

namespace cascadecl {

// What a layer type is lowered with: it looks at its inputs here, and adds the steps that compute it, or says how its
// input is to be read. Layers come one after the other.
class Lowerer {
 public:
  // What a layer's output is made of: how to read it, and the layers that reading it computes on the way.
  struct Value {
    LoweredView view;
    std::vector<int> layers = {};
  };

  explicit Lowerer(const Network& network);
  Lowering run() &&;

  // The layer at hand, and its place in the network.
  const Layer& layer() const { return network_.layers()[static_cast<std::size_t>(index_)]; }
  int index() const { return index_; }
  int input_index(std::size_t position = 0) const;  // of the layer that gives an input
  const Layer& input_layer(std::size_t position = 0) const;
  const Value& input(std::size_t position = 0) const { return value(input_index(position)); }
  // An input as a plain tensor, which a step of its own lays out where there is none yet.
  const Value& plain_input(std::size_t position = 0);
  // Whether nothing but the layer at hand reads an input.
  bool reads_alone(std::size_t position) const;
  // Whether all that reads the layer at hand is the dense layer that gives the logits.
  bool feeds_logits() const;

  LoweredTensor& tensor(int i) { return out_.tensors[static_cast<std::size_t>(i)]; }
  std::vector<LoweredStep>& steps() { return out_.steps; }

  // A step that reads `inputs` and writes a new tensor of the layer's shape, which becomes the layer's value.
  LoweredStep& add_step(const StepKind& kind, const std::vector<Value>& inputs, bool rows = false);
  // A step of another layer that writes a tensor which only later steps of this one read.
  Value add_step_before(const StepKind& kind, int layer, const Value& input, const ImageShape& shape, bool rows);
  // The layer computes nothing of its own: it is `value`, read so.
  void set(Value value) { values_[static_cast<std::size_t>(index_)] = std::move(value); }
  int new_tensor(ImageShape shape, bool rows = false);

 private:
  const Value& value(int i) const { return values_[static_cast<std::size_t>(i)]; }

  const Network& network_;
  std::vector<Value> values_;   // by layer
  std::vector<int> consumers_;  // by layer: inputs that it gives
  int index_ = 0;
  Lowering out_;
};

}  // namespace cascadecl
