#include "tests/support/reference_network.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace cascadecl::reference {
namespace {

Values to_double(const std::vector<float>& values) { return Values(values.begin(), values.end()); }

Shape batch_shape(const ImageShape& shape, int n) { return {n, shape.channels, shape.height, shape.width}; }

Window window(const cascadecl::Window& w) { return {w.kernel_h, w.kernel_w, w.stride, w.padding}; }

// Computes one layer from its inputs' values.
class LayerForward {
 public:
  LayerForward(const Parameters& parameters, const Layer& layer, const LayerInputs& inputs,
               std::vector<const Values*> values, int n)
      : parameters_(parameters), layer_(layer), values_(std::move(values)), n_(n) {
    for (const LayerInput& input : inputs) in_.push_back(batch_shape(input.shape, n));
  }

  Values run() const {
    return std::visit([this](const auto& type) { return output(type); }, layer_.attributes);
  }

 private:
  Values output(const layers::Input&) const { return {}; }
  Values output(const layers::Convolution& conv) const {
    const Values y =
        conv_forward(x(), parameter("weight"), in_[0], conv.out_channels, window(conv.window), conv.groups);
    return conv.bias ? bias_forward(y, parameter("bias"), batch_shape(layer_.shape, n_)) : y;
  }
  Values output(const layers::BatchNorm&) const {
    return batch_norm_inference(x(), parameter("gamma"), parameter("beta"), parameter("running_mean"),
                                parameter("running_variance"), in_[0]);
  }
  Values output(const layers::Relu&) const { return relu_forward(x()); }
  Values output(const layers::Clip& clip) const { return clip_forward(x(), clip.low, clip.high); }
  Values output(const layers::Add&) const { return add_forward(x(), x(1)); }
  Values output(const layers::AveragePool& pool) const {
    return average_pool_forward(x(), in_[0], window(pool.window));
  }
  Values output(const layers::MaxPool& pool) const { return max_pool_forward(x(), in_[0], window(pool.window)); }
  Values output(const layers::GlobalAveragePool&) const { return global_average_pool_forward(x(), in_[0]); }
  Values output(const layers::Concat&) const {
    std::vector<Values> parts;
    for (const Values* value : values_) parts.push_back(*value);
    return concat_forward(parts, in_);
  }
  Values output(const layers::ChannelShuffle& shuffle) const {
    return channel_shuffle_forward(x(), in_[0], shuffle.groups);
  }
  Values output(const layers::Dense& dense) const {
    const auto outputs = static_cast<std::size_t>(dense.out_channels);
    return dense_forward(x(), parameter("weight"), dense.bias ? parameter("bias") : Values(outputs), n_, in_[0].c,
                         dense.out_channels);
  }

  const Values& x(std::size_t i = 0) const { return *values_[i]; }
  Values parameter(const std::string& name) const { return to_double(parameters_.at(layer_.name + "/" + name)); }

  const Parameters& parameters_;
  const Layer& layer_;
  std::vector<const Values*> values_;
  int n_;
  std::vector<Shape> in_;
};

Values policy_input(const Policy& policy, const Values& probabilities, const Values& features, int n) {
  Values seen;
  for (int i = 0; i < n; ++i) {
    const auto row = probabilities.begin() + i * policy.classes;
    Values of(row, row + policy.classes);
    if (sorts(policy.input)) std::ranges::sort(of, std::greater<>());
    seen.insert(seen.end(), of.begin(), of.begin() + probabilities_seen(policy.input, policy.classes));
    const auto own = features.begin() + i * policy.features;
    seen.insert(seen.end(), own, own + policy.features);
  }
  return seen;
}

}  // namespace

std::map<std::string, Values> forward_all(const Network& network, const Parameters& parameters, const Values& images,
                                          int n) {
  std::map<std::string, Values> outputs;
  for (const Layer& layer : network.layers()) {
    if (layer.is<layers::Input>()) {
      outputs[layer.name] = images;
      continue;
    }
    std::vector<const Values*> inputs;
    for (const std::string& name : layer.inputs) inputs.push_back(&outputs.at(name));
    outputs[layer.name] = LayerForward(parameters, layer, network.inputs_of(layer), std::move(inputs), n).run();
  }
  return outputs;
}

Values forward(const Network& network, const Parameters& parameters, const Values& images, int n) {
  return forward_all(network, parameters, images, n).at(network.layers().back().name);
}

Values stop_probabilities(const Policy& policy, const Values& probabilities, const Values& features, int n) {
  const int hidden = policy.hidden;
  const Values input = policy_input(policy, probabilities, features, n);
  const Values first = relu_forward(
      dense_forward(input, to_double(policy.weight1), to_double(policy.bias1), n, policy.inputs(), hidden));
  const Values second =
      relu_forward(dense_forward(first, to_double(policy.weight2), to_double(policy.bias2), n, hidden, hidden));
  const Values decision =
      softmax(dense_forward(second, to_double(policy.weight3), to_double(policy.bias3), n, hidden, 2), n, 2);
  Values stop(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < stop.size(); ++i) stop[i] = decision[2 * i];
  return stop;
}

// A_k from the label probabilities of the stages 0..k.
static Values combined_answer(const Model& model, const Values& probabilities, std::size_t k) {
  const auto classes = static_cast<std::size_t>(model.classes);
  Values scores(classes);
  for (std::size_t t = 0; t <= k; ++t)
    for (std::size_t c = 0; c < classes; ++c)
      scores[c] += model.combination[k * model.stages.size() + t] * std::log(probabilities[t * classes + c]);
  return softmax(scores, 1, model.classes);
}

CascadeAnswer classify(const Model& model, const Values& image) {
  CascadeAnswer answer{.exit_stage = -1};
  Values reweighted(static_cast<std::size_t>(model.classes));
  double weight = 0;
  for (std::size_t t = 0; t < model.stages.size(); ++t) {
    const Network& network = model.stages[t].network;
    const auto layers = forward_all(network, model.stages[t].parameters, image);
    Values logits = layers.at(network.layers().back().name);
    const Values& pooled = layers.at(network.layers().back().inputs.front());
    if (!model.temperatures.empty())
      for (double& z : logits) z /= model.temperatures[t];
    const Values label = softmax(logits, 1, model.classes);
    answer.probabilities.insert(answer.probabilities.end(), label.begin(), label.end());
    const Values combined = model.combination.empty() ? Values() : combined_answer(model, answer.probabilities, t);
    answer.combined.insert(answer.combined.end(), combined.begin(), combined.end());
    double stop = 1;
    if (t < model.policies.size()) {
      const Policy& policy = model.policies[t];
      stop = stop_probabilities(policy, policy.input == PolicyInput::combined ? combined : label, pooled, 1)[0];
    }
    answer.stop_probability.push_back(stop);
    if (answer.exit_stage >= 0) continue;
    for (std::size_t c = 0; c < label.size(); ++c) reweighted[c] += stop * label[c];
    weight += stop;
    if (stop < 0.5) continue;
    answer.exit_stage = static_cast<int>(t);
    answer.answer = combined;
  }
  for (double& value : reweighted) value /= weight;
  if (model.combination.empty()) answer.answer = reweighted;
  return answer;
}

}  // namespace cascadecl::reference
