#include "tests/support/reference_policy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace cascadecl::reference {
namespace {

std::vector<float> random_weights(std::mt19937& engine, int outputs, int inputs, double scale) {
  std::normal_distribution<double> normal(0, scale / std::sqrt(inputs));
  std::vector<float> values(static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs));
  for (float& value : values) value = static_cast<float>(normal(engine));
  return values;
}

Values to_values(const std::vector<float>& floats) { return {floats.begin(), floats.end()}; }

}  // namespace

Policy random_policy(PolicyInput input, int classes, int hidden, unsigned seed, int features) {
  std::mt19937 engine(seed);
  Policy policy{.input = input, .classes = classes, .hidden = hidden, .features = features};
  policy.weight1 = random_weights(engine, hidden, policy.inputs(), 3);
  policy.bias1 = random_weights(engine, hidden, 1, 0.3);
  policy.weight2 = random_weights(engine, hidden, hidden, 1.4);
  policy.bias2 = random_weights(engine, hidden, 1, 0.3);
  policy.weight3 = random_weights(engine, 2, hidden, 1.4);
  policy.bias3 = random_weights(engine, 2, 1, 0.3);
  return policy;
}

Values random_probabilities(int n, int classes, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Values logits(static_cast<std::size_t>(n) * static_cast<std::size_t>(classes));
  double scale = 1;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (i % static_cast<std::size_t>(classes) == 0) scale = 1 + 2 * std::abs(normal(engine));
    logits[i] = scale * normal(engine);
  }
  return softmax(logits, n, classes);
}

Values policy_input(PolicyInput input, const Values& probabilities, const Values& features) {
  Values seen = probabilities;
  if (sorts(input)) std::sort(seen.begin(), seen.end(), std::greater<>());
  seen.resize(static_cast<std::size_t>(probabilities_seen(input, static_cast<int>(seen.size()))));
  if (input == PolicyInput::features) seen.insert(seen.end(), features.begin(), features.end());
  return seen;
}

namespace {

// A policy's forward pass on one image.
struct Activations {
  Values hidden1, hidden2, logits;
};

Activations run_policy(const Policy& policy, const Values& input) {
  const int h = policy.hidden;
  Activations a;
  a.hidden1 =
      relu_forward(dense_forward(input, to_values(policy.weight1), to_values(policy.bias1), 1, policy.inputs(), h));
  a.hidden2 = relu_forward(dense_forward(a.hidden1, to_values(policy.weight2), to_values(policy.bias2), 1, h, h));
  a.logits = dense_forward(a.hidden2, to_values(policy.weight3), to_values(policy.bias3), 1, h, 2);
  return a;
}

}  // namespace

double stop_logit(const Policy& policy, const Values& input) {
  const Values logits = run_policy(policy, input).logits;
  return logits[0] - logits[1];
}

Values stop_logit_gradient(const Policy& policy, const Values& input) {
  const int h = policy.hidden;
  const Activations a = run_policy(policy, input);
  const DenseGradients layer3 = dense_backward(a.hidden2, to_values(policy.weight3), {1, -1}, 1, h, 2);
  const DenseGradients layer2 =
      dense_backward(a.hidden1, to_values(policy.weight2), relu_backward(a.hidden2, layer3.src), 1, h, h);
  const DenseGradients layer1 =
      dense_backward(input, to_values(policy.weight1), relu_backward(a.hidden1, layer2.src), 1, policy.inputs(), h);
  Values all;
  for (const DenseGradients* layer : {&layer1, &layer2, &layer3}) {
    all.insert(all.end(), layer->weight.begin(), layer->weight.end());
    all.insert(all.end(), layer->bias.begin(), layer->bias.end());
  }
  return all;
}

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

}  // namespace cascadecl::reference
