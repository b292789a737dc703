#pragma once
#include <vector>

#include "runtime/network/lowering.h"

namespace cascadecl {

// The tool that layer types are lowered with, one layer after the other. A type looks at its inputs, and then adds the
// steps that compute it, or says how its input is read.
class Lowerer {
 public:
  // The output of a layer: how to read it, and the layers that are computed by reading it.
  struct Value {
    LoweredView view;
    std::vector<int> layers = {};
  };

  explicit Lowerer(const Network& network);
  Lowering run() &&;

  // The layer at hand, and its place in the network.
  const Layer& layer() const { return network_.layers()[static_cast<std::size_t>(index_)]; }
  int index() const { return index_; }
  bool is_last() const { return &layer() == &network_.layers().back(); }
  int input_index(std::size_t position = 0) const;  // of the layer that gives an input
  const Layer& input_layer(std::size_t position = 0) const;
  const Value& input(std::size_t position = 0) const { return value(input_index(position)); }
  // An input as a plain tensor. Where there is none yet, a step of its own writes it.
  const Value& plain_input(std::size_t position = 0);
  // Whether the layer at hand is the only reader of an input.
  bool reads_alone(std::size_t position) const;
  // Whether the only reader of the layer at hand is the dense layer that gives the logits.
  bool feeds_logits() const;

  LoweredTensor& tensor(int i) { return out_.tensors[static_cast<std::size_t>(i)]; }
  std::vector<LoweredStep>& steps() { return out_.steps; }

  // Adds a step that reads `inputs` and writes a new tensor of the layer's shape. The tensor becomes the layer's value.
  LoweredStep& add_step(const StepKind& kind, const std::vector<Value>& inputs, bool rows = false);
  // Adds a step of another layer, whose tensor only later steps of the layer at hand read.
  Value add_step_before(const StepKind& kind, int layer, const Value& input, const ImageShape& shape, bool rows);
  // Says that the layer computes nothing of its own: its output is `value`.
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
