#include "runtime/network/lowering.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"

namespace cascadecl {
namespace {}  // namespace

void note_readers(Lowering& lowering) {
  for (LoweredTensor& t : lowering.tensors) {
    t.readers = 0;
    t.last_reader = -1;
  }
  for (std::size_t s = 0; s < lowering.steps.size(); ++s) {
    const LoweredStep& step = lowering.steps[s];
    for (int tensor : {step.in.tensor, step.other.tensor, step.residual}) {
      if (tensor < 0) continue;
      LoweredTensor& t = lowering.tensors[static_cast<std::size_t>(tensor)];
      ++t.readers;
      t.last_reader = static_cast<int>(s);
    }
  }
}

namespace {

class Lowerer {
 public:
  explicit Lowerer(const Network& network) : network_(network), values_(network.layers().size()) {
    count_consumers();
    for (std::size_t i = 0; i < network.layers().size(); ++i) lower_layer(static_cast<int>(i));
    note_readers(out_);
  }
  Lowering result() && { return std::move(out_); }

 private:
  // What a layer's output is made of: how to read it, and the layers that reading it computes on the way.
  struct Value {
    LoweredView view;
    std::vector<int> layers;
  };

  const Layer& layer(int i) const { return network_.layers()[static_cast<std::size_t>(i)]; }
  Value& value(int i) { return values_[static_cast<std::size_t>(i)]; }
  int input_of(int i, std::size_t position = 0) const { return network_.index_of(layer(i).inputs[position]); }

  void count_consumers() {
    consumers_.resize(network_.layers().size());
    for (const Layer& l : network_.layers()) {
      for (const std::string& name : l.inputs) ++consumers_[static_cast<std::size_t>(network_.index_of(name))];
    }
  }

  int new_tensor(ImageShape shape, bool rows = false) {
    out_.tensors.push_back({.shape = shape, .rows = rows});
    return static_cast<int>(out_.tensors.size()) - 1;
  }

  // A step of layer i that reads `in` and writes a new tensor, which becomes the value of i.
  LoweredStep& add_step(LoweredStep::Kind kind, int i, const Value& in, bool rows = false) {
    LoweredStep step{.kind = kind, .layer = i, .layers = in.layers, .in = in.view};
    step.layers.push_back(i);
    step.out = new_tensor(layer(i).shape, rows);
    out_.steps.push_back(std::move(step));
    value(i) = {{.tensor = out_.steps.back().out}, {}};
    return out_.steps.back();
  }

  // A plain tensor that holds what `v` reads.
  Value materialized(int i, const Value& v) {
    if (v.view.plain()) return v;
    LoweredStep step{.kind = LoweredStep::Kind::materialize, .layer = i, .layers = v.layers, .in = v.view};
    step.out = new_tensor(out_.tensors[static_cast<std::size_t>(v.view.tensor)].shape);
    out_.steps.push_back(step);
    return {{.tensor = step.out}, {}};
  }

  void lower_layer(int i) {
    using Kind = LoweredStep::Kind;
    switch (layer(i).type) {
      case LayerType::input:
        value(i) = {{.tensor = new_tensor(layer(i).shape)}, {}};
        break;
      case LayerType::convolution:
        add_step(Kind::convolution, i, value(input_of(i)));
        break;
      case LayerType::batch_norm:
        lower_batch_norm(i);
        break;
      case LayerType::relu:
        value(i) = value(input_of(i));
        value(i).view.relu = true;
        value(i).layers.push_back(i);
        break;
      case LayerType::add:
        lower_add(i);
        break;
      case LayerType::average_pool:
      case LayerType::max_pool:
        lower_pool(i);
        break;
      case LayerType::global_average_pool:
        lower_global_pool(i);
        break;
      case LayerType::dense:
        lower_dense(i);
        break;
    }
  }

  void lower_pool(int i) {
    const Layer& l = layer(i);
    if (l.kernel_h != l.kernel_w) {
      throw ShapeError(
          fmt::format("{} {}: a {}x{} window; expected a square", type_name(l.type), l.name, l.kernel_h, l.kernel_w));
    }
    add_step(LoweredStep::Kind::pool, i, value(input_of(i)));
  }

  void lower_batch_norm(int i) {
    Value in = materialized(input_of(i), value(input_of(i)));
    value(input_of(i)) = in;
    in.view.batch_norm = i;
    in.layers.push_back(i);
    out_.tensors[static_cast<std::size_t>(in.view.tensor)].batch_norms.push_back(i);
    value(i) = in;
  }

  // The step that computes layer i, if it is a convolution whose result nothing else reads.
  int fusable_convolution(int i) const {
    if (layer(i).type != LayerType::convolution || consumers_[static_cast<std::size_t>(i)] != 1) return -1;
    for (std::size_t s = 0; s < out_.steps.size(); ++s) {
      const LoweredStep& step = out_.steps[s];
      if (step.kind == LoweredStep::Kind::convolution && step.layer == i && step.residual < 0)
        return static_cast<int>(s);
    }
    return -1;
  }

  // The step after which a tensor is there.
  int written_at(int tensor) const {
    for (std::size_t s = 0; s < out_.steps.size(); ++s) {
      if (out_.steps[s].out == tensor) return static_cast<int>(s);
    }
    return -1;
  }

  void lower_add(int i) {
    const int a = input_of(i, 0), b = input_of(i, 1);
    for (auto [conv, other] : {std::pair{b, a}, std::pair{a, b}}) {
      const int step = fusable_convolution(conv);
      if (step < 0 || conv == other || !value(other).view.plain()) continue;
      if (written_at(value(other).view.tensor) >= step) continue;
      LoweredStep& fused = out_.steps[static_cast<std::size_t>(step)];
      fused.residual = value(other).view.tensor;
      fused.layers.push_back(i);
      value(i) = {{.tensor = fused.out}, {}};
      return;
    }
    const Value other = value(b);
    LoweredStep& step = add_step(LoweredStep::Kind::add, i, value(a));
    step.other = other.view;
    step.layers.insert(step.layers.end() - 1, other.layers.begin(), other.layers.end());
  }

  bool feeds_only_dense(int i) const {
    return std::ranges::all_of(network_.layers(), [&](const Layer& l) {
      return std::ranges::find(l.inputs, layer(i).name) == l.inputs.end() || l.type == LayerType::dense;
    });
  }

  void lower_global_pool(int i) {
    const Value in = value(input_of(i));
    if (feeds_only_dense(i)) {
      add_step(LoweredStep::Kind::global_pool, i, in, true);
      return;
    }
    const ImageShape shape = out_.tensors[static_cast<std::size_t>(in.view.tensor)].shape;
    if (shape.height != shape.width) {
      throw ShapeError(fmt::format(
          "global_average_pool {}: a {}x{} image whose mean feeds another layer than dense; expected a square",
          layer(i).name, shape.height, shape.width));
    }
    add_step(LoweredStep::Kind::pool, i, in);
  }

  void lower_dense(int i) {
    if (static_cast<std::size_t>(i) + 1 != network_.layers().size()) {
      throw ShapeError(fmt::format("dense {}: only the last layer may be dense", layer(i).name));
    }
    const int in = input_of(i);
    Value features = value(in);
    if (!out_.tensors[static_cast<std::size_t>(features.view.tensor)].rows) {  // 1x1 images: pooling lays out the rows
      LoweredStep step{
          .kind = LoweredStep::Kind::global_pool, .layer = in, .layers = features.layers, .in = features.view};
      step.out = new_tensor(layer(in).shape, true);
      out_.steps.push_back(step);
      features = {{.tensor = step.out}, {}};
    }
    add_step(LoweredStep::Kind::dense, i, features, true);
  }

  const Network& network_;
  std::vector<Value> values_;
  std::vector<int> consumers_;
  Lowering out_;
};

}  // namespace

Lowering lower(const Network& network) { return Lowerer(network).result(); }

std::string layer_names(const Network& network, const LoweredStep& step) {
  std::string text;
  if (step.kind == LoweredStep::Kind::residual_stage) {
    const auto name = [&](int i) { return network.layers()[static_cast<std::size_t>(i)].name; };
    return name(step.layers.front()) + " ... " + name(step.layers.back());
  }
  for (int i : step.layers) {
    const std::string& name = network.layers()[static_cast<std::size_t>(i)].name;
    text += text.empty() ? name : " + " + name.substr(name.rfind('/') + 1);
  }
  // A step that only lays out what a layer has computed.
  return text.empty() ? network.layers()[static_cast<std::size_t>(step.layer)].name : text;
}

}  // namespace cascadecl
