#include "runtime/network/inference_plan.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "runtime/network/zoo.h"
#include "runtime/ops/precision.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_network.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

// Logits are of size 1 to 10; rounding and Winograd's transforms add up over some tens of layers.
constexpr double logit_tolerance = 2e-4;
// Each tensor is rounded by 2^-11 of its size on the way to memory; measured 1e-2 after all layers.
constexpr double half_tolerance = 4e-2;

struct PlanCase {
  Network network;
  int max_batch;
  std::vector<int> batches;
};

void check_plan(const PlanCase& c, KernelClass kernels, Precision precision = Precision::fp32) {
  CAPTURE(c.network.name());
  const double tolerance = precision == Precision::fp16 ? half_tolerance : logit_tolerance;
  const Parameters parameters = random_parameters(c.network, 2);
  InferencePlan plan(test_device(), c.network, parameters, c.max_batch, kernels, precision);
  CHECK(plan.precision() == precision);
  CHECK(plan.max_batch() == c.max_batch);
  CHECK(plan.memory().activations < plan.memory().total());
  for (const int n : c.batches) {
    CAPTURE(n);
    const Values images = random_images(c.network, n, static_cast<unsigned>(n));
    const GuardedActivation device(
        to_blocked(images, shape_of(n, c.network.input_shape()), test_device().channel_block()), precision);
    const std::vector<float> before = device.read();
    const Array<float> logits = plan.run(n, device);
    CHECK(logits.size() == to_size_t(c.max_batch * c.network.classes()));
    CHECK(largest_difference(reference::forward(c.network, parameters, images, n),
                             to_doubles(test_device().read(logits, to_size_t(n * c.network.classes())))) < tolerance);
    CHECK(device.read() == before);  // the images are not changed
  }
}

}  // namespace

TEST_CASE("inference plans equal the reference network, for all batch sizes up to the largest, again and again") {
  check_plan({odd_network(), 5, {5, 1, 3, 5}}, KernelClass::automatic);
  check_plan({small_resnet(), 3, {3, 1}}, KernelClass::automatic);
  check_plan({biased_network(), 3, {3, 1}}, KernelClass::automatic);
  check_plan({clipped_network(), 3, {3, 1}}, KernelClass::automatic);
  check_plan({concat_network(), 3, {3, 1}}, KernelClass::automatic);
  check_plan({shuffled_network(), 3, {3, 1}}, KernelClass::automatic);
  check_plan({make_network("resnet-8", {3, 8, 8}, 10), 2, {2, 1, 2}}, KernelClass::automatic);
  check_plan({make_network("wrn-10-1", {3, 9, 7}, 10), 3, {1, 3}}, KernelClass::automatic);
}

TEST_CASE("inference plans run networks of single pixels, without a pool") {
  NetworkBuilder net({3, 4, 4});
  net.global_average_pool();
  net.convolution(6, {1, 1, 1, 0});
  net.relu();
  check_plan({net.finish_dense(2), 2, {2, 1}}, KernelClass::automatic);
}

TEST_CASE("inference plans run pools of oblong windows, and the mean of an oblong image before any layer") {
  NetworkBuilder net({3, 7, 5});
  net.max_pool({2, 3, 1, 1});
  net.average_pool({3, 1, 2, 0});
  net.global_average_pool();
  net.dense({.out_channels = 6});
  net.relu();
  check_plan({net.finish_dense(2), 2, {2, 1}}, KernelClass::automatic);
}

TEST_CASE("inference plans of reference kernels equal the reference network") {
  check_plan({odd_network(), 2, {2, 1}}, KernelClass::reference);
  check_plan({small_resnet(), 3, {1, 3}}, KernelClass::reference);
  check_plan({biased_network(), 3, {1, 3}}, KernelClass::reference);
  check_plan({clipped_network(), 3, {1, 3}}, KernelClass::reference);
}

TEST_CASE("inference plans that keep activations as halves equal the reference network but for rounding") {
  check_plan({odd_network(), 5, {5, 1, 3}}, KernelClass::automatic, Precision::fp16);
  check_plan({make_network("resnet-8", {3, 8, 8}, 10), 5, {1, 3, 5}}, KernelClass::automatic, Precision::fp16);
  check_plan({odd_network(), 5, {5, 1, 3}}, KernelClass::gpu, Precision::fp16);
  check_plan({concat_network(), 5, {5, 1, 3}}, KernelClass::automatic, Precision::fp16);
  check_plan({shuffled_network(), 5, {5, 1, 3}}, KernelClass::automatic, Precision::fp16);
  check_plan({odd_network(), 3, {3, 1}}, KernelClass::reference, Precision::fp16);
  check_plan({make_network("resnet-8", {3, 8, 8}, 10), 5, {1, 3, 5}}, KernelClass::reference, Precision::fp16);
}

TEST_CASE("halves take half the memory of activations") {
  const Network network = make_network("resnet-20", {3, 32, 32}, 10);
  const auto bytes = [&](Precision precision) {
    return InferencePlan(test_device(), network, initial_parameters(network, 1), 8, KernelClass::automatic, precision)
        .memory()
        .activations;
  };
  CHECK(static_cast<double>(bytes(Precision::fp16)) < 0.51 * static_cast<double>(bytes(Precision::fp32)));
}

TEST_CASE("a device of the embedded profile is refused for fp16, and told what it can run") {
  DeviceInfo info = test_device().info();
  info.full_profile = false;
  CHECK_NOTHROW(require_precision(info, Precision::fp32));
  CHECK_THROWS_AS(require_precision(info, Precision::fp16), DeviceNotFoundError);
  CHECK_THROWS_WITH(require_precision(info, Precision::fp16), doctest::Contains("it can run fp32"));
  const Network network = small_resnet();
  CHECK_THROWS_AS(
      InferencePlan(Device(info), network, random_parameters(network, 1), 1, KernelClass::automatic, Precision::fp16),
      DeviceNotFoundError);
}

TEST_CASE("a plan says which kernels run, for which layers, and why no faster one does") {
  const Network network = small_resnet();
  const Parameters parameters = random_parameters(network, 1);
  const InferencePlan plan(test_device(), network, parameters, 1, KernelClass::reference);
  const std::vector<PlanStep> steps = plan.steps();
  REQUIRE(steps.size() == 8);
  CHECK(steps[0].layers == "conv1");
  CHECK(steps[2].layers == "batch_norm5 + relu6 + conv7 + add8");
  double mmac = 0;
  for (const PlanStep& step : steps) mmac += step.mmac;
  CHECK(mmac == doctest::Approx(static_cast<double>(network.macs()) / 1e6));
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(steps[i].variant == "reference");
    CHECK(steps[i].reason == "reference kernels were asked for");
  }
}

TEST_CASE("a deep plan needs no more memory for activations than a shallow one") {
  const ImageShape image{3, 8, 8};
  std::size_t bytes[2];
  for (int deep : {0, 1}) {
    const Network network = make_network(deep ? "resnet-32" : "resnet-14", image, 10);
    bytes[deep] = InferencePlan(test_device(), network, initial_parameters(network, 1), 2).memory().activations;
  }
  CHECK(bytes[0] == bytes[1]);
}

TEST_CASE("inference plans refuse wrong batches and parameters, naming them") {
  const Network network = small_resnet();
  Parameters parameters = random_parameters(network, 1);
  InferencePlan plan(test_device(), network, parameters, 3);
  const Array<float> images =
      test_device().allocate<float>(3 * image_elements(network.input_shape(), test_device().channel_block()));
  CHECK_THROWS_WITH_AS(plan.run(0, images), "batch of 0: the plan takes 1 to 3", ShapeError);
  CHECK_THROWS_WITH_AS(plan.run(4, images), "batch of 4: the plan takes 1 to 3", ShapeError);
  CHECK_THROWS_WITH_AS(plan.run(1, test_device().allocate<Half>(images.size())),
                       "images of another precision than the plan's", ShapeError);
  CHECK_THROWS_WITH_AS(InferencePlan(test_device(), network, parameters, 0), "batch size 0: expected at least 1",
                       UsageError);
  parameters.erase(parameters.begin());
  CHECK_THROWS_AS(InferencePlan(test_device(), network, parameters, 3), ShapeError);
}

}  // namespace cascadecl
