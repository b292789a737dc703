#include "tests/support/random_model.h"

#include <random>

namespace cascadecl {
namespace {

// mt19937 is the same everywhere; the standard distributions are not.
float uniform(std::mt19937_64& engine, float low, float high) {
  return low + (high - low) * static_cast<float>(static_cast<double>(engine()) / 18446744073709551616.0);
}

std::vector<float> uniform_values(std::mt19937_64& engine, std::size_t size, float low, float high) {
  std::vector<float> values(size);
  for (float& value : values) value = uniform(engine, low, high);
  return values;
}

// He weights as a training starts with, but all else away from its neutral value, so that nothing can be left out.
Parameters random_parameters(const Network& network, std::mt19937_64& engine) {
  Parameters parameters = initial_parameters(network, engine());
  for (auto& [key, values] : parameters) {
    if (key.ends_with("/gamma")) values = uniform_values(engine, values.size(), 0.5F, 1.5F);
    if (key.ends_with("/beta") || key.ends_with("/bias")) values = uniform_values(engine, values.size(), -0.5F, 0.5F);
    if (key.ends_with("/running_mean")) values = uniform_values(engine, values.size(), -0.5F, 0.5F);
    if (key.ends_with("/running_variance")) values = uniform_values(engine, values.size(), 0.5F, 2.0F);
  }
  return parameters;
}

Policy random_policy(PolicyInput input, int classes, int hidden, int features, std::mt19937_64& engine) {
  const auto h = static_cast<std::size_t>(hidden),
             inputs = static_cast<std::size_t>(probabilities_seen(input, classes)) + static_cast<std::size_t>(features);
  return {.input = input,
          .classes = classes,
          .hidden = hidden,
          .features = features,
          .weight1 = uniform_values(engine, h * inputs, -2, 2),
          .bias1 = uniform_values(engine, h, -0.5F, 0.5F),
          .weight2 = uniform_values(engine, h * h, -0.7F, 0.7F),
          .bias2 = uniform_values(engine, h, -0.5F, 0.5F),
          .weight3 = uniform_values(engine, 2 * h, -0.7F, 0.7F),
          .bias3 = uniform_values(engine, 2, -0.5F, 0.5F)};
}

}  // namespace

Model random_model(const std::vector<Network>& networks, std::uint64_t seed, PolicyInput input, int hidden) {
  std::mt19937_64 engine(seed);
  Model model;
  model.classes = networks.at(0).classes();
  model.input = networks[0].input_shape();
  const auto channels = static_cast<std::size_t>(model.input.channels);
  model.mean = uniform_values(engine, channels, 0.4F, 0.6F);
  model.std = uniform_values(engine, channels, 0.1F, 0.3F);
  for (int i = 0; i < model.classes; ++i) model.label_names.push_back("class " + std::to_string(i));
  for (const Network& network : networks) model.stages.push_back({network, random_parameters(network, engine)});
  for (std::size_t i = 0; i + 1 < networks.size(); ++i) {
    const int features = input == PolicyInput::features ? networks[i].feature_count() : 0;
    model.policies.push_back(random_policy(input, model.classes, hidden, features, engine));
  }
  if (input == PolicyInput::combined)
    for (std::size_t k = 0; k < networks.size(); ++k)
      for (std::size_t t = 0; t < networks.size(); ++t)
        model.combination.push_back(t > k ? 0.0 : static_cast<double>(uniform(engine, 0.2F, 0.8F)));
  model.training = R"({"seed": 1})";
  return model;
}

}  // namespace cascadecl
