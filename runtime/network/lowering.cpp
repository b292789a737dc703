#include "runtime/network/lowering.h"

#include <algorithm>

#include "runtime/network/lowerer.h"
#include "runtime/network/steps/step.h"

namespace cascadecl {

void note_readers(Lowering& lowering) {
  for (LoweredTensor& t : lowering.tensors) {
    t.readers = 0;
    t.last_reader = -1;
  }
  for (std::size_t s = 0; s < lowering.steps.size(); ++s) {
    for (const LoweredView& in : lowering.steps[s].inputs) {
      LoweredTensor& t = lowering.tensors[static_cast<std::size_t>(in.tensor)];
      ++t.readers;
      t.last_reader = static_cast<int>(s);
    }
  }
}

Lowerer::Lowerer(const Network& network)
    : network_(network), values_(network.layers().size()), consumers_(network.layers().size()) {
  for (const Layer& l : network.layers()) {
    for (const std::string& name : l.inputs) ++consumers_[static_cast<std::size_t>(network.index_of(name))];
  }
}

Lowering Lowerer::run() && {
  for (const Layer& l : network_.layers()) {
    lower_layer(l, *this);
    ++index_;
  }
  note_readers(out_);
  return std::move(out_);
}

int Lowerer::input_index(std::size_t position) const { return network_.index_of(layer().inputs[position]); }

const Layer& Lowerer::input_layer(std::size_t position) const { return network_.layer(layer().inputs[position]); }

bool Lowerer::reads_alone(std::size_t position) const {
  return consumers_[static_cast<std::size_t>(input_index(position))] == 1;
}

bool Lowerer::feeds_logits() const {
  return std::ranges::all_of(network_.layers(), [&](const Layer& l) {
    return std::ranges::find(l.inputs, layer().name) == l.inputs.end() || &l == &network_.layers().back();
  });
}

int Lowerer::new_tensor(ImageShape shape, bool rows) {
  out_.tensors.push_back({.shape = shape, .rows = rows});
  return static_cast<int>(out_.tensors.size()) - 1;
}

LoweredStep& Lowerer::add_step(const StepKind& kind, const std::vector<Value>& inputs, bool rows) {
  LoweredStep step{.kind = &kind, .layer = index_};
  for (const Value& in : inputs) {
    step.inputs.push_back(in.view);
    step.layers.insert(step.layers.end(), in.layers.begin(), in.layers.end());
  }
  step.layers.push_back(index_);
  step.outputs = {new_tensor(layer().shape, rows)};
  set({.view = {.tensor = step.out()}});
  out_.steps.push_back(std::move(step));
  return out_.steps.back();
}

Lowerer::Value Lowerer::add_step_before(const StepKind& kind, int layer, const Value& input, const ImageShape& shape,
                                        bool rows) {
  LoweredStep step{.kind = &kind, .layer = layer, .layers = input.layers, .inputs = {input.view}};
  step.outputs = {new_tensor(shape, rows)};
  out_.steps.push_back(step);
  return {.view = {.tensor = step.out()}};
}

const Lowerer::Value& Lowerer::plain_input(std::size_t position) {
  Value& in = values_[static_cast<std::size_t>(input_index(position))];
  if (!in.view.plain())
    in = add_step_before(materialize_step, input_index(position), in, tensor(in.view.tensor).shape, false);
  return in;
}

Lowering lower(const Network& network) { return Lowerer(network).run(); }

std::string layer_names(const Network& network, const LoweredStep& step) {
  std::string text;
  const auto name = [&](int i) -> const std::string& { return network.layers()[static_cast<std::size_t>(i)].name; };
  if (!step.parts.empty()) return name(step.layers.front()) + " ... " + name(step.layers.back());
  for (int i : step.layers) text += text.empty() ? name(i) : " + " + name(i).substr(name(i).rfind('/') + 1);
  // A step that only lays out what a layer has computed.
  return text.empty() ? name(step.layer) : text;
}

}  // namespace cascadecl
