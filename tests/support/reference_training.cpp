#include "tests/support/reference_training.h"

#include <algorithm>

namespace cascadecl::reference {
namespace {

class Pass {
 public:
  Pass(const Network& network, const DoubleParameters& parameters, std::span<const int> labels, BatchNormMode mode,
       Values class_weights = {})
      : network_(network),
        parameters_(parameters),
        labels_(labels),
        mode_(mode),
        class_weights_(std::move(class_weights)) {}

  void forward(const Values& images) {
    for (const Layer& layer : network_.layers()) {
      values_[layer.name] = layer.is<layers::Input>() ? images : output(layer);
    }
    const CrossEntropy loss =
        softmax_cross_entropy(values_.at(last().name), labels_, network_.classes(), 0, class_weights_);
    result_.logits = values_.at(last().name);
    result_.loss = loss.loss;
    logits_gradient_ = loss.logits_grad;
  }

  void backward() {
    for (const Layer& layer : network_.layers()) by_value_[layer.name] = Values(values_.at(layer.name).size(), 0.0);
    by_value_[last().name] = logits_gradient_;
    for (auto layer = network_.layers().rbegin(); !layer->is<layers::Input>(); ++layer) propagate(*layer);
  }

  TrainingPass result() && { return std::move(result_); }

 private:
  const Layer& last() const { return network_.layers().back(); }
  const Values& parameter(const Layer& layer, const char* name) const {
    return parameters_.find(layer.name + "/" + name)->second;
  }
  const Values& input(const Layer& layer, std::size_t i = 0) const { return values_.at(layer.inputs[i]); }
  Shape input_shape(const Layer& layer, std::size_t i = 0) const {
    return batch_shape(network_.layer(layer.inputs[i]).shape);
  }
  std::vector<Shape> input_shapes(const Layer& layer) const {
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) shapes.push_back(input_shape(layer, i));
    return shapes;
  }
  Shape output_shape(const Layer& layer) const { return batch_shape(layer.shape); }
  Shape batch_shape(const ImageShape& shape) const { return {n(), shape.channels, shape.height, shape.width}; }
  static Window window(const cascadecl::Window& w) { return {w.kernel_h, w.kernel_w, w.stride, w.padding}; }
  int n() const { return static_cast<int>(labels_.size()); }

  Values batch_norm(const Layer& layer) {
    const Shape shape = input_shape(layer);
    const Values &gamma = parameter(layer, "gamma"), &beta = parameter(layer, "beta");
    Values mean = parameter(layer, "running_mean"), variance = parameter(layer, "running_variance");
    Values dst;
    if (mode_ == BatchNormMode::frozen) {
      dst = batch_norm_inference(input(layer), gamma, beta, mean, variance, shape);
    } else {
      const BatchNormForward batch = batch_norm_training(input(layer), gamma, beta, shape);
      const double count = static_cast<double>(shape.pixels()) * shape.n;
      for (std::size_t c = 0; c < mean.size(); ++c) {
        mean[c] = 0.9 * mean[c] + 0.1 * batch.mean[c];
        variance[c] = 0.9 * variance[c] + 0.1 * batch.variance[c] * count / std::max(count - 1, 1.0);
      }
      dst = batch.dst;
    }
    result_.statistics[layer.name + "/running_mean"] = mean;
    result_.statistics[layer.name + "/running_variance"] = variance;
    return dst;
  }

  Values output(const Layer& layer) {
    return std::visit([&](const auto& type) { return output(layer, type); }, layer.attributes);
  }
  Values output(const Layer&, const layers::Input&) { return {}; }
  Values output(const Layer& layer, const layers::Convolution& conv) {
    const Values y = conv_forward(input(layer), parameter(layer, "weight"), input_shape(layer), conv.out_channels,
                                  window(conv.window), conv.groups);
    return conv.bias ? bias_forward(y, parameter(layer, "bias"), output_shape(layer)) : y;
  }
  Values output(const Layer& layer, const layers::BatchNorm&) { return batch_norm(layer); }
  Values output(const Layer& layer, const layers::Relu&) { return relu_forward(input(layer)); }
  Values output(const Layer& layer, const layers::Clip& clip) {
    return clip_forward(input(layer), clip.low, clip.high);
  }
  Values output(const Layer& layer, const layers::Add&) { return add_forward(input(layer), input(layer, 1)); }
  Values output(const Layer& layer, const layers::AveragePool& pool) {
    return average_pool_forward(input(layer), input_shape(layer), window(pool.window));
  }
  Values output(const Layer& layer, const layers::MaxPool& pool) {
    return max_pool_forward(input(layer), input_shape(layer), window(pool.window));
  }
  Values output(const Layer& layer, const layers::GlobalAveragePool&) {
    return global_average_pool_forward(input(layer), input_shape(layer));
  }
  Values output(const Layer& layer, const layers::Concat&) {
    std::vector<Values> parts;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) parts.push_back(input(layer, i));
    return concat_forward(parts, input_shapes(layer));
  }
  Values output(const Layer& layer, const layers::ChannelShuffle& shuffle) {
    return channel_shuffle_forward(input(layer), input_shape(layer), shuffle.groups);
  }
  Values output(const Layer& layer, const layers::Dense& dense) {
    const Values bias = dense.bias ? parameter(layer, "bias") : Values(static_cast<std::size_t>(dense.out_channels));
    return dense_forward(input(layer), parameter(layer, "weight"), bias, n(), input_shape(layer).c, dense.out_channels);
  }

  void contribute(const Layer& layer, const Values& gradient, std::size_t i = 0) {
    Values& sum = by_value_.at(layer.inputs[i]);
    for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += gradient[e];
  }
  void set(const Layer& layer, const char* name, Values gradient) {
    result_.gradients[layer.name + "/" + name] = std::move(gradient);
  }

  // Passes the gradient by a layer's output on to its inputs and parameters.
  void propagate(const Layer& layer) {
    const Values& dy = by_value_.at(layer.name);
    std::visit([&](const auto& type) { propagate(layer, type, dy); }, layer.attributes);
  }
  void propagate(const Layer&, const layers::Input&, const Values&) {}
  void propagate(const Layer& layer, const layers::Convolution& conv, const Values& dy) {
    const Shape in = input_shape(layer);
    const Window w = window(conv.window);
    if (conv.bias) set(layer, "bias", bias_backward(dy, output_shape(layer)));
    set(layer, "weight", conv_backward_filter(input(layer), dy, in, conv.out_channels, w, conv.groups));
    contribute(layer, conv_backward_data(dy, parameter(layer, "weight"), in, conv.out_channels, w, conv.groups));
  }
  void propagate(const Layer& layer, const layers::BatchNorm&, const Values& dy) {
    const Values &x = input(layer), &gamma = parameter(layer, "gamma");
    const Shape in = input_shape(layer);
    const BatchNormGradients g = mode_ == BatchNormMode::batch
                                     ? batch_norm_training_backward(x, gamma, dy, in)
                                     : batch_norm_inference_backward(x, gamma, parameter(layer, "running_mean"),
                                                                     parameter(layer, "running_variance"), dy, in);
    set(layer, "gamma", g.gamma);
    set(layer, "beta", g.beta);
    contribute(layer, g.src);
  }
  void propagate(const Layer& layer, const layers::Relu&, const Values& dy) {
    contribute(layer, relu_backward(input(layer), dy));
  }
  void propagate(const Layer& layer, const layers::Clip& clip, const Values& dy) {
    contribute(layer, clip_backward(input(layer), dy, clip.low, clip.high));
  }
  void propagate(const Layer& layer, const layers::Add&, const Values& dy) {
    contribute(layer, dy, 0);
    contribute(layer, dy, 1);
  }
  void propagate(const Layer& layer, const layers::AveragePool& pool, const Values& dy) {
    contribute(layer, average_pool_backward(dy, input_shape(layer), window(pool.window)));
  }
  void propagate(const Layer& layer, const layers::MaxPool& pool, const Values& dy) {
    contribute(layer, max_pool_backward(input(layer), dy, input_shape(layer), window(pool.window)));
  }
  void propagate(const Layer& layer, const layers::GlobalAveragePool&, const Values& dy) {
    contribute(layer, global_average_pool_backward(dy, input_shape(layer)));
  }
  void propagate(const Layer& layer, const layers::Concat&, const Values& dy) {
    const std::vector<Values> parts = concat_backward(dy, input_shapes(layer));
    for (std::size_t i = 0; i < parts.size(); ++i) contribute(layer, parts[i], i);
  }
  void propagate(const Layer& layer, const layers::ChannelShuffle& shuffle, const Values& dy) {
    contribute(layer, channel_shuffle_backward(dy, input_shape(layer), shuffle.groups));
  }
  void propagate(const Layer& layer, const layers::Dense& dense, const Values& dy) {
    const DenseGradients g =
        dense_backward(input(layer), parameter(layer, "weight"), dy, n(), input_shape(layer).c, dense.out_channels);
    set(layer, "weight", g.weight);
    if (dense.bias) set(layer, "bias", g.bias);
    contribute(layer, g.src);
  }

  const Network& network_;
  const DoubleParameters& parameters_;
  std::span<const int> labels_;
  BatchNormMode mode_;
  Values class_weights_;
  std::map<std::string, Values> values_, by_value_;  // outputs of the layers and the gradients by them
  Values logits_gradient_;
  TrainingPass result_;
};

}  // namespace

DoubleParameters to_double(const Parameters& parameters) {
  DoubleParameters doubles;
  for (const auto& [key, values] : parameters) doubles[key] = Values(values.begin(), values.end());
  return doubles;
}

TrainingPass training_pass(const Network& network, const DoubleParameters& parameters, const Values& images,
                           std::span<const int> labels, BatchNormMode mode, const Values& class_weights) {
  Pass pass(network, parameters, labels, mode, class_weights);
  pass.forward(images);
  pass.backward();
  return std::move(pass).result();
}

Values training_logits(const Network& network, const DoubleParameters& parameters, const Values& images,
                       std::span<const int> labels, BatchNormMode mode) {
  Pass pass(network, parameters, labels, mode);
  pass.forward(images);
  return std::move(pass).result().logits;
}

double training_loss(const Network& network, const DoubleParameters& parameters, const Values& images,
                     std::span<const int> labels, BatchNormMode mode) {
  Pass pass(network, parameters, labels, mode);
  pass.forward(images);
  return std::move(pass).result().loss;
}

}  // namespace cascadecl::reference
