#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "runtime/network/inference_plan.h"
#include "runtime/network/training_plan.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_network.h"
#include "tests/support/reference_training.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

// A network of 4 to 12 layers of one shape, each reading any earlier ones: views, sums and pools in every order, values
// with many readers. One shape, so that few kernels are built over all cases. Fixed by the seed.
Network random_network(unsigned seed) {
  std::mt19937 engine(seed);
  NetworkBuilder net({16, 5, 6});
  std::vector<std::string> values{net.last()};
  const auto any = [&] { return values[engine() % values.size()]; };
  for (unsigned layers = 4 + engine() % 9; layers > 0; --layers) {
    switch (engine() % 16) {
      case 0:
        values.push_back(net.max_pool(net.same, any()));
        break;
      case 1:
      case 2:
      case 3:
        values.push_back(net.batch_norm(any()));
        break;
      case 4:
      case 5:
        values.push_back(net.relu(any()));
        break;
      case 6:
        values.push_back(net.clip(-0.5F, 1, any()));
        break;
      case 7:
      case 8:
      case 9:
        values.push_back(net.add(any(), any()));
        break;
      case 10:
        values.push_back(net.convolution(16, net.same, net.concat({any(), any()})));
        break;
      case 11:
        values.push_back(net.channel_shuffle(4, any()));
        break;
      default:
        values.push_back(net.convolution(16, net.same, any()));
    }
  }
  return net.finish_all(3);
}

double norm(const Values& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

std::string describe(const Network& network) {
  std::string text;
  for (const Layer& layer : network.layers()) {
    text += layer.name + "(";
    for (const std::string& input : layer.inputs) text += " " + input;
    text += " ) ";
  }
  return text;
}

// Where a value rounds to the other side of a ReLU, or a maximum to another place, more is lost than by rounding.
constexpr double gradient_tolerance = 5e-3;

void check_random_network(unsigned seed) {
  CAPTURE(seed);
  const Network network = random_network(seed);
  CAPTURE(describe(network));
  const int n = 2;
  const Parameters parameters = random_parameters(network, seed);
  const Values images = random_images(network, n, 3);
  const std::vector<int> labels{0, 2};
  const Array<float> device =
      test_device().upload(to_blocked(images, shape_of(n, network.input_shape()), test_device().channel_block()));
  const BatchNormMode mode = seed % 3 ? BatchNormMode::batch : BatchNormMode::frozen;

  // Sums of a value with itself let values grow: all is relative to the largest.
  const Values expected = reference::forward(network, parameters, images, n);
  InferencePlan inference(test_device(), network, parameters, 3);
  const Values logits = to_doubles(test_device().read(inference.run(n, device), expected.size()));
  CHECK(largest_difference(expected, logits) < 1e-4 * (1 + norm(expected)));

  const auto pass = reference::training_pass(network, reference::to_double(parameters), images, labels, mode);
  TrainingPlan plan(test_device(), network, parameters, 3);
  plan.forward(n, device, mode);
  const auto loss = reference::softmax_cross_entropy(pass.logits, labels, network.classes());
  const std::vector<float> gradient = to_floats(loss.logits_grad);
  test_device().write(plan.logit_gradient(), std::span<const float>(gradient));
  plan.backward();
  double typical = 1e-6;
  for (const auto& [key, values] : pass.gradients) typical = std::max(typical, norm(values));
  for (const auto& entry : plan.gradients()) {
    const auto& [key, values] = entry;
    CAPTURE(entry.first);
    Values difference = pass.gradients.at(key);
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= static_cast<double>(values[i]);
    CHECK(norm(difference) < gradient_tolerance * std::max(norm(pass.gradients.at(key)), 1e-2 * typical));
  }
}

}  // namespace

TEST_CASE("plans of random networks equal the reference in logits and gradients") {
  for (unsigned seed = 1; seed <= 12; ++seed) check_random_network(seed);
}

}  // namespace cascadecl
