#include "tests/support/reference_network.h"

#include <algorithm>
#include <functional>

namespace cascadecl::reference {
namespace {

Values to_double(const std::vector<float>& values) { return Values(values.begin(), values.end()); }

Shape batch_shape(const ImageShape& shape, int n) { return {n, shape.channels, shape.height, shape.width}; }

// Computes one layer from its inputs' values.
class LayerForward {
 public:
  LayerForward(const Network& network, const Parameters& parameters, const Layer& layer, int n)
      : parameters_(parameters), layer_(layer), n_(n), in_(batch_shape(network.layer(layer.inputs.at(0)).shape, n)) {}

  Values run(const Values& x, const Values* second) const {
    const Window window{layer_.kernel_h, layer_.kernel_w, layer_.stride, layer_.padding};
    switch (layer_.type) {
      case LayerType::input:
        break;
      case LayerType::convolution:
        return conv_forward(x, parameter("weight"), in_, layer_.out_channels, window);
      case LayerType::batch_norm:
        return batch_norm_inference(x, parameter("gamma"), parameter("beta"), parameter("running_mean"),
                                    parameter("running_variance"), in_);
      case LayerType::relu:
        return relu_forward(x);
      case LayerType::add:
        return add_forward(x, *second);
      case LayerType::average_pool:
        return average_pool_forward(x, in_, window);
      case LayerType::max_pool:
        return max_pool_forward(x, in_, window);
      case LayerType::global_average_pool:
        return global_average_pool_forward(x, in_);
      case LayerType::dense:
        return dense_forward(x, parameter("weight"), parameter("bias"), n_, in_.c, layer_.out_channels);
    }
    return x;
  }

 private:
  Values parameter(const std::string& name) const { return to_double(parameters_.at(layer_.name + "/" + name)); }

  const Parameters& parameters_;
  const Layer& layer_;
  int n_;
  Shape in_;
};

Values policy_input(const Policy& policy, const Values& probabilities, const Values& features, int n) {
  Values seen;
  for (int i = 0; i < n; ++i) {
    const auto row = probabilities.begin() + i * policy.classes;
    seen.insert(seen.end(), row, row + policy.classes);
    if (policy.input == PolicyInput::sorted || policy.input == PolicyInput::features)
      std::sort(seen.end() - policy.classes, seen.end(), std::greater<>());
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
    if (layer.type == LayerType::input) {
      outputs[layer.name] = images;
      continue;
    }
    const Values* second = layer.inputs.size() > 1 ? &outputs.at(layer.inputs[1]) : nullptr;
    outputs[layer.name] = LayerForward(network, parameters, layer, n).run(outputs.at(layer.inputs[0]), second);
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

CascadeAnswer classify(const Model& model, const Values& image) {
  CascadeAnswer answer{.exit_stage = -1, .probabilities = {}, .stop_probability = {}, .reweighted = {}};
  answer.reweighted.assign(static_cast<std::size_t>(model.classes), 0.0);
  double weight = 0;
  for (std::size_t t = 0; t < model.stages.size(); ++t) {
    const Network& network = model.stages[t].network;
    const auto layers = forward_all(network, model.stages[t].parameters, image);
    Values logits = layers.at(network.layers().back().name);
    const Values& pooled = layers.at(network.layers().back().inputs.front());
    if (!model.temperatures.empty())
      for (double& z : logits) z /= model.temperatures[t];
    const Values label = softmax(logits, 1, model.classes);
    const double stop = t < model.policies.size() ? stop_probabilities(model.policies[t], label, pooled, 1)[0] : 1.0;
    answer.probabilities.insert(answer.probabilities.end(), label.begin(), label.end());
    answer.stop_probability.push_back(stop);
    if (answer.exit_stage >= 0) continue;
    for (std::size_t c = 0; c < label.size(); ++c) answer.reweighted[c] += stop * label[c];
    weight += stop;
    if (stop >= 0.5) answer.exit_stage = static_cast<int>(t);
  }
  for (double& value : answer.reweighted) value /= weight;
  return answer;
}

}  // namespace cascadecl::reference
