#include "runtime/ops/residual_block.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "runtime/network/inference_plan.h"
#include "runtime/network/lowering.h"
#include "runtime/network/steps/step.h"
#include "runtime/network/zoo.h"
#include "runtime/ops/precision.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_network.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

Lowering fused(const Network& network, int most_units) {
  return fuse_residual_blocks(network, lower(network), [=](const LoweredStep&) { return most_units; });
}

long count_blocks(const Lowering& lowering) {
  return std::ranges::count(lowering.steps, &residual_block_step, &LoweredStep::kind);
}

ActivationArray activation_of(const Device& device, const std::vector<float>& values, Precision precision) {
  if (precision == Precision::fp32) return device.upload(values);
  std::vector<Half> halves(values.size());
  std::ranges::transform(values, halves.begin(), to_half);
  return device.upload(halves);
}

// relu(bn()) and a convolution behind the last layer.
void half_unit(NetworkBuilder& net, int channels) {
  net.batch_norm();
  net.relu();
  net.convolution(channels, {3, 3, 1, 1});
}

// Three units behind a convolution of the image, and batch norm, ReLU and pool behind them.
Network three_units(ImageShape image, int channels, Window head) {
  NetworkBuilder net(image);
  std::string x = net.convolution(channels, head);
  for (int unit = 0; unit < 3; ++unit) {
    half_unit(net, channels);
    half_unit(net, channels);
    x = net.add(x, net.last());
  }
  net.batch_norm();
  net.relu();
  return net.finish(4);
}

}  // namespace

TEST_CASE("the residual units of a shape, the convolution before them and the pool behind them become one step") {
  const Lowering lowering = fused(make_network("resnet-20", {3, 32, 32}, 10), 100);
  REQUIRE(lowering.steps.size() == 4);  // three blocks, dense
  CHECK(count_blocks(lowering) == 3);
  for (int s = 0; s < 3; ++s) CHECK(lowering.steps[to_size_t(s)].parts.size() == (s == 2 ? 8 : 7));
  CHECK(lowering.steps[1].in().tensor == lowering.steps[0].out());
  CHECK(lowering.steps[1].outputs.size() == 1);
  REQUIRE(lowering.steps[2].outputs.size() == 2);
  CHECK(lowering.steps[2].outputs[1] == lowering.steps[3].in().tensor);
}

TEST_CASE("a pool without batch norm and ReLU before it stays a step of its own") {
  NetworkBuilder net({3, 8, 8});
  const std::string x = net.convolution(16, {3, 3, 1, 1});
  half_unit(net, 16);
  half_unit(net, 16);
  net.add(x, net.last());
  const Lowering lowering = fused(net.finish(3), 100);
  REQUIRE(lowering.steps.size() == 3);
  CHECK(lowering.steps[0].outputs.size() == 1);
  CHECK(lowering.steps[1].kind == &global_pool_step);
}

TEST_CASE("a residual block takes no more units than may be, and the next goes on without a convolution before it") {
  const Lowering lowering = fused(make_network("resnet-20", {3, 32, 32}, 10), 2);
  REQUIRE(lowering.steps.size() == 7);
  CHECK(lowering.steps[0].parts.size() == 5);
  CHECK(lowering.steps[1].parts.size() == 2);
  CHECK(lowering.steps[1].in().tensor == lowering.steps[0].out());
}

TEST_CASE("nothing is fused where it may not be, or where a value inside is read elsewhere") {
  CHECK(count_blocks(fused(make_network("resnet-20", {3, 32, 32}, 10), 0)) == 0);

  NetworkBuilder net({3, 8, 8});  // x + conv(relu(bn(conv(relu(bn(x)))))), what is between is added as well
  const std::string x = net.convolution(16, {3, 3, 1, 1});
  half_unit(net, 16);
  const std::string between = net.last();
  half_unit(net, 16);
  const std::string sum = net.add(x, net.last());
  net.add(sum, between);
  CHECK(count_blocks(fused(net.finish(3), 100)) == 0);
}

TEST_CASE(
    "a residual block computes what the reference computes: odd images, many units, split over the cores or not") {
  DeviceInfo many_cores = test_device().info();
  many_cores.compute_units = 8;  // two images are split
  const Device split(many_cores);
  const int block = std::max(test_device().channel_block(), 8);
  for (const ImageShape image : {ImageShape{3, 16, 16}, {5, 9, 14}, {2, 4, 3}, {1, 17, 16}}) {
    CAPTURE(to_string(image));
    const Network network = three_units(image, 2 * block, {5, 3, 1, 1});
    const Parameters parameters = random_parameters(network, 3);
    for (const Device& device : {test_device(), split}) {
      CAPTURE(device.info().compute_units);
      InferencePlan plan(device, network, parameters, 5);
      if (device.info().device_class == DeviceClass::cpu) CHECK(plan.steps()[0].variant == "residual block");
      for (const int n : {1, 2, 5, 1}) {
        CAPTURE(n);
        const Values images = random_images(network, n, static_cast<unsigned>(n));
        const std::vector<float> blocked = to_blocked(images, shape_of(n, image), device.channel_block());
        const Values logits = to_doubles(device.read(plan.run(n, device.upload(blocked)), to_size_t(n * 4)));
        CHECK(largest_difference(reference::forward(network, parameters, images, n), logits) < 2e-4);
      }
    }
    InferencePlan half(test_device(), network, parameters, 3, KernelClass::automatic, Precision::fp16);
    const Values images = random_images(network, 3, 3);
    const GuardedActivation device(to_blocked(images, shape_of(3, image), test_device().channel_block()),
                                   Precision::fp16);
    const Values logits = to_doubles(test_device().read(half.run(3, device), to_size_t(12)));
    CHECK(largest_difference(reference::forward(network, parameters, images, 3), logits) < 4e-2);
  }
}

TEST_CASE("how many units a launch holds does not change a bit, with activations in float or half") {
  if (test_device().info().device_class != DeviceClass::cpu) return;
  const int block = std::max(test_device().channel_block(), 8);
  const Network network = three_units({3, 8, 8}, 4 * block, {3, 3, 1, 1});
  const Parameters parameters = random_parameters(network, 3);
  const std::vector<float> images =
      to_blocked(random_images(network, 3, 3), shape_of(3, network.input_shape()), test_device().channel_block());
  for (const Precision precision : {Precision::fp32, Precision::fp16}) {
    std::vector<std::vector<float>> logits;
    std::vector<std::size_t> launches;
    for (const unsigned cores : {1u, 3u}) {  // of three images one core has all, or each core one
      DeviceInfo info = test_device().info();
      info.compute_units = cores;
      const Device device(info);
      InferencePlan plan(device, network, parameters, 3, KernelClass::automatic, precision);
      launches.push_back(plan.steps().size());
      logits.push_back(device.read(plan.run(3, activation_of(device, images, precision)), 12));
    }
    CHECK(logits[0] == logits[1]);
    if (block == 16) CHECK(launches[0] > launches[1]);
  }
}

TEST_CASE("images that take their way on several queues get the bits that they get on one") {
  if (test_device().info().device_class != DeviceClass::cpu) return;
  // Blocks of three shapes, whose tensors would share memory.
  const Network network = make_network("resnet-20", {3, 32, 32}, 10);
  const Parameters parameters = random_parameters(network, 3);
  constexpr int n = 23, largest = 24;
  const std::vector<float> images =
      to_blocked(random_images(network, n, 3), shape_of(n, network.input_shape()), test_device().channel_block());
  for (const Precision precision : {Precision::fp32, Precision::fp16}) {
    CAPTURE(to_string(precision));
    std::vector<std::vector<float>> logits, features;
    std::vector<std::size_t> bytes;
    for (const unsigned cores : {1u, 3u, 3u, 3u}) {  // one queue, several
      DeviceInfo info = test_device().info();
      info.compute_units = cores;
      const Device device(info);
      InferencePlan plan(device, network, parameters, largest, KernelClass::automatic, precision);
      bytes.push_back(plan.memory().activations);
      const ActivationArray input = activation_of(device, images, precision);
      for (int run = 0; run < 3; ++run) {
        logits.push_back(device.read(plan.run(n, input), 10 * n));
        features.push_back(device.read(plan.features(), 64 * n));
      }
    }
    CHECK(bytes[1] > bytes[0]);  // tensors of several sizes share nothing: there are several queues
    for (std::size_t i = 1; i < logits.size(); ++i) {
      CHECK(logits[i] == logits[0]);
      CHECK(features[i] == features[0]);
    }
  }
}

TEST_CASE("a convolution that winograd runs stays a step of its own before its residual block") {
  const int block = std::max(test_device().channel_block(), 8);
  NetworkBuilder net({block, 8, 8});
  const std::string x = net.convolution(block, {3, 3, 1, 1});
  half_unit(net, block);
  half_unit(net, block);
  net.add(x, net.last());
  const Network network = net.finish(4);
  const Parameters parameters = random_parameters(network, 5);
  InferencePlan plan(test_device(), network, parameters, 5);
  const Values images = random_images(network, 5, 1);
  const std::vector<float> blocked =
      to_blocked(images, shape_of(5, network.input_shape()), test_device().channel_block());
  const Values logits = to_doubles(test_device().read(plan.run(5, test_device().upload(blocked)), to_size_t(20)));
  CHECK(largest_difference(reference::forward(network, parameters, images, 5), logits) < 2e-4);
}

TEST_CASE("a residual block declines what its kernel cannot do, and says why") {
  const Device& device = test_device();
  if (device.info().device_class != DeviceClass::cpu) return;
  const int block = device.channel_block();
  const ResidualBlockGeometry wide{.shape = {block, 200, 200}};
  CHECK(ResidualBlock::declines(device, wide, KernelClass::automatic).find("local memory") != std::string::npos);
  CHECK(ResidualBlock::most_units(device, wide, KernelClass::automatic, 1) == 0);
  const ResidualBlockGeometry ragged{.shape = {block + 1, 8, 8}};
  CHECK(ResidualBlock::declines(device, ragged, KernelClass::automatic).find("whole blocks") != std::string::npos);
  const ResidualBlockGeometry fits{.shape = {4 * block, 8, 8}};
  CHECK(ResidualBlock::declines(device, fits, KernelClass::reference) == "reference kernels were asked for");
  CHECK(ResidualBlock::most_units(device, fits, KernelClass::automatic, 1) >= 1);
}

TEST_CASE("a launch holds as many units as a core's cache has filters of, unless a core has but one image") {
  const Device& device = test_device();
  if (device.info().device_class != DeviceClass::cpu) return;
  const int block = device.channel_block(), cores = static_cast<int>(device.info().compute_units);
  const auto most = [&](int channels, int batch) {
    return ResidualBlock::most_units(device, {.shape = {channels, 8, 8}}, KernelClass::automatic, batch);
  };
  for (const int channels : {block, 2 * block, 4 * block}) {
    const auto bytes = [&](int units) { return units * 2.0 * 36 * channels * channels * sizeof(float); };
    const int units = most(channels, 100 * cores);
    CHECK(units >= 1);
    CHECK((units == 1 || bytes(units) <= 1 << 20));
    CHECK(bytes(units + 1) > 1 << 20);
    CHECK(bytes(most(channels, cores)) > 100.0 * (1 << 20));
  }
}

}  // namespace cascadecl
