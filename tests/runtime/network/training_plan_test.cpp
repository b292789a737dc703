#include "runtime/network/training_plan.h"

#include <doctest/doctest.h>

#include <cmath>

#include "data/files/error.h"
#include "runtime/network/inference_plan.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_training.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;
using reference::DoubleParameters;

// A network with a batch and its labels, on the host and on the device.
struct Batch {
  Batch(const Network& network, int size, unsigned seed) : n(size), images(random_images(network, size, seed)) {
    for (int i = 0; i < n; ++i) labels.push_back(i * 7 % network.classes());
    device =
        test_device().upload(to_blocked(images, shape_of(n, network.input_shape()), test_device().channel_block()));
  }
  int n;
  Values images;
  std::vector<int> labels;
  Array<float> device;
};

// Forward and backward of the mean cross-entropy; returns the loss.
double run(TrainingPlan& plan, const Batch& batch, int classes, BatchNormMode mode) {
  const Array<float> logits = plan.forward(batch.n, batch.device, mode);
  const std::vector<float> rows = test_device().read(logits, to_size_t(batch.n * classes));
  const reference::CrossEntropy loss = reference::softmax_cross_entropy(to_doubles(rows), batch.labels, classes);
  const std::vector<float> gradient = to_floats(loss.logits_grad);
  test_device().write(plan.logit_gradient(), std::span<const float>(gradient));
  plan.backward();
  return loss.loss;
}

double norm(const Values& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

// |expected - actual| / |expected|; an expected norm below `floor` counts as that.
double distance(const Values& expected, const std::vector<float>& actual, double floor) {
  REQUIRE(expected.size() == actual.size());
  Values difference(expected);
  for (std::size_t i = 0; i < expected.size(); ++i) difference[i] -= static_cast<double>(actual[i]);
  return norm(difference) / std::max(norm(expected), floor);
}

// The gradients of float kernels differ by rounding, about 1e-5 of a tensor's norm, but where a rounded value falls on
// the other side of a ReLU, one element's gradient is gained or lost: 2e-3 allows for that in small tensors. Gradients
// that cancel to nothing (a shift before a batch norm) are compared with the typical size of the others.
constexpr double gradient_tolerance = 2e-3;

void check_gradients(const Network& network, int max_batch, int n, BatchNormMode mode, KernelClass kernels) {
  const Parameters parameters = random_parameters(network, 3);
  const Batch batch(network, n, 17);
  TrainingPlan plan(test_device(), network, parameters, max_batch, kernels);
  const double loss = run(plan, batch, network.classes(), mode);
  const reference::TrainingPass expected =
      reference::training_pass(network, reference::to_double(parameters), batch.images, batch.labels, mode);
  CHECK(loss == doctest::Approx(expected.loss).epsilon(1e-5));

  double typical = 0;
  for (const auto& [key, values] : expected.gradients) typical = std::max(typical, norm(values));
  const Parameters gradients = plan.gradients();
  CHECK(gradients.size() == expected.gradients.size());
  for (const auto& entry : gradients) {
    const auto& [key, values] = entry;
    CAPTURE(entry.first);
    CHECK(distance(expected.gradients.at(key), values, 1e-3 * typical) < gradient_tolerance);
  }
  const Parameters after = plan.parameters();
  for (const auto& entry : expected.statistics) {
    const auto& [key, values] = entry;
    CAPTURE(entry.first);
    CHECK(distance(values, after.at(key), 1e-3) < 1e-5);
  }
}

}  // namespace

TEST_CASE("the reference training pass agrees with finite differences") {
  for (const Network& network : {small_resnet({3, 5, 4}), odd_network(), biased_network(), clipped_network(),
                                 concat_network(), shuffled_network()}) {
    const Batch batch(network, 3, 5);
    const DoubleParameters parameters = reference::to_double(random_parameters(network, 1));
    for (const BatchNormMode mode : {BatchNormMode::batch, BatchNormMode::frozen}) {
      const auto pass = reference::training_pass(network, parameters, batch.images, batch.labels, mode);
      for (const auto& entry : pass.gradients) {
        const auto& [key, gradient] = entry;
        CAPTURE(entry.first);
        const Values direction = random_values(gradient.size(), 7);
        double slope = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) slope += gradient[i] * direction[i];
        // Small enough that no ReLU and no maximum turns over on the way.
        const double step = 1e-7 / norm(direction);
        double losses[2];
        for (int side : {0, 1}) {
          DoubleParameters moved = parameters;
          Values& values = moved.find(key)->second;
          for (std::size_t i = 0; i < values.size(); ++i) values[i] += (side ? step : -step) * direction[i];
          losses[side] = reference::training_loss(network, moved, batch.images, batch.labels, mode);
        }
        // 2e-16 of the loss, over the step.
        const double difference = (losses[1] - losses[0]) / (2 * step);
        CHECK(std::abs(difference - slope) < 1e-7 * norm(direction) + 1e-4 * std::abs(slope));
      }
    }
  }
}

TEST_CASE("training gradients and running statistics of a ResNet equal the reference") {
  check_gradients(small_resnet(), 6, 6, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(small_resnet(), 6, 5, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(small_resnet(), 6, 5, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("training gradients and running statistics of an odd network equal the reference") {
  check_gradients(odd_network(), 4, 3, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(odd_network(), 4, 4, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(odd_network(), 4, 4, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("training gradients of biases, groups and dense layers anywhere equal the reference") {
  check_gradients(biased_network(), 5, 5, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(biased_network(), 5, 4, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(biased_network(), 5, 5, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("training gradients through clips equal the reference") {
  check_gradients(clipped_network(), 5, 5, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(clipped_network(), 5, 4, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(clipped_network(), 5, 5, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("training gradients through concats equal the reference") {
  check_gradients(concat_network(), 5, 5, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(concat_network(), 5, 4, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(concat_network(), 5, 5, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("training gradients through channel shuffles equal the reference") {
  check_gradients(shuffled_network(), 5, 5, BatchNormMode::batch, KernelClass::automatic);
  check_gradients(shuffled_network(), 5, 4, BatchNormMode::frozen, KernelClass::automatic);
  check_gradients(shuffled_network(), 5, 5, BatchNormMode::batch, KernelClass::reference);
}

TEST_CASE("a single image trains") {
  check_gradients(small_resnet(), 1, 1, BatchNormMode::frozen, KernelClass::automatic);
}

TEST_CASE("a training step moves parameters along momentum and leaves the running statistics") {
  const Network network = small_resnet();
  const Parameters before = random_parameters(network, 3);
  const Batch batch(network, 4, 17);
  TrainingPlan plan(test_device(), network, before, 4);
  run(plan, batch, network.classes(), BatchNormMode::frozen);
  const Parameters gradients = plan.gradients();
  plan.step({.learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f});
  const Parameters after = plan.parameters(), momentum = plan.momentum();
  for (const auto& entry : before) {
    const auto& [key, values] = entry;
    CAPTURE(entry.first);
    if (!gradients.contains(key)) {
      CHECK(after.at(key) == values);
      continue;
    }
    Values moved, velocity;
    for (std::size_t i = 0; i < values.size(); ++i) {
      velocity.push_back(static_cast<double>(gradients.at(key)[i]) + 0.01 * static_cast<double>(values[i]));
      moved.push_back(static_cast<double>(values[i]) - 0.1 * velocity.back());
    }
    CHECK(distance(velocity, momentum.at(key), 1e-3) < 1e-6);
    CHECK(distance(moved, after.at(key), 1e-3) < 1e-6);
  }
}

TEST_CASE("parameters and momentum put into another plan continue the training bit by bit") {
  const Network network = small_resnet();
  const Batch batch(network, 6, 17);
  const SgdSettings settings{.learning_rate = 0.05f};
  TrainingPlan unbroken(test_device(), network, random_parameters(network, 3), 6);
  TrainingPlan resumed(test_device(), network, random_parameters(network, 4), 6);
  for (int i = 0; i < 5; ++i) {
    if (i == 2) {
      resumed.set_parameters(unbroken.parameters());
      resumed.set_momentum(unbroken.momentum());
    }
    run(unbroken, batch, network.classes(), BatchNormMode::batch);
    unbroken.step(settings);
    run(resumed, batch, network.classes(), BatchNormMode::batch);
    resumed.step(settings);
  }
  CHECK(unbroken.parameters() == resumed.parameters());
  CHECK(unbroken.momentum() == resumed.momentum());
}

TEST_CASE("training lowers the loss of a small batch, and an inference plan of the result agrees") {
  const Network network = small_resnet();
  const Batch batch(network, 6, 23);
  TrainingPlan plan(test_device(), network, initial_parameters(network, 5), 6);
  const double first = run(plan, batch, network.classes(), BatchNormMode::batch);
  double last = first;
  for (int i = 0; i < 25; ++i) {
    plan.step({.learning_rate = 0.05f});
    last = run(plan, batch, network.classes(), BatchNormMode::batch);
  }
  CHECK(last < 0.1 * first);

  const std::size_t logits = to_size_t(batch.n * network.classes());
  InferencePlan inference(test_device(), network, plan.parameters(), 6);
  const auto expected = test_device().read(plan.forward(batch.n, batch.device, BatchNormMode::frozen), logits);
  CHECK(test_device().read(inference.run(batch.n, batch.device), logits) == expected);
}

TEST_CASE("training plans refuse wrong batches, parameters and calls, naming them") {
  const Network network = small_resnet();
  Parameters parameters = random_parameters(network, 1);
  TrainingPlan plan(test_device(), network, parameters, 3);
  const Batch batch(network, 3, 1);
  CHECK_THROWS_WITH_AS(plan.backward(), "backward pass: no forward pass came before it", UsageError);
  CHECK_THROWS_WITH_AS(plan.forward(0, batch.device, BatchNormMode::batch), "batch of 0: the plan takes 1 to 3",
                       ShapeError);
  CHECK_THROWS_WITH_AS(plan.forward(4, batch.device, BatchNormMode::batch), "batch of 4: the plan takes 1 to 3",
                       ShapeError);
  CHECK_THROWS_WITH_AS(plan.set_momentum({}), "batch_norm10/beta: expected 32 values", ShapeError);
  parameters.erase(parameters.begin());
  CHECK_THROWS_AS(plan.set_parameters(parameters), ShapeError);
}

}  // namespace cascadecl
