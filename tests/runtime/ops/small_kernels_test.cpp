#include <doctest/doctest.h>

#include "runtime/network/inference_plan.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/softmax.h"
#include "tests/support/conv_check.h"
#include "tests/support/device_test.h"
#include "tests/support/test_networks.h"

// Every kernel of networks once, on shapes that a simulator finishes in seconds: what ctest runs under Oclgrind, which
// watches every access. The shapes are odd for channel blocks of 4 and 16 alike.
namespace cascadecl {
namespace {

using namespace testing;

constexpr ViewKind plain{}, batch_norm_relu{.affine = true, .activation = ActivationFunction::relu()};
constexpr ViewKind halves{.affine = true, .activation = ActivationFunction::relu(), .precision = Precision::fp16};

// All layers with their gradients; the images are one tile and a bit.
Network small_network() {
  NetworkBuilder net({3, 5, 6});
  net.batch_norm();
  net.convolution(20, {3, 3, 1, 1});
  net.batch_norm();
  const std::string stem = net.relu();
  net.convolution(20, net.same, stem);
  net.batch_norm();
  const std::string sum = net.add(net.batch_norm(), stem);
  net.convolution(17, {3, 3, 2, 1}, sum);
  const std::string most = net.max_pool({2, 2, 1, 0});
  net.batch_norm(most);
  net.relu();
  net.add(most, net.convolution(17));
  net.average_pool({2, 2, 1, 1}, net.concat({net.last(), most, net.batch_norm(most)}));
  net.channel_shuffle(3);
  net.relu();
  return net.finish(3);
}

}  // namespace

TEST_SUITE("small kernels") {
  TEST_CASE("small convolutions stay inside their arrays") {
    check_conv_forward({1, {{18, 5, 3}, 17, 3, 3, 1, 1}, "winograd"}, {batch_norm_relu, true, true},
                       KernelClass::automatic);
    check_conv_forward({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "direct"}, {batch_norm_relu, true, true},
                       KernelClass::automatic);
    for (const KernelClass kernels : {KernelClass::automatic, KernelClass::reference}) {
      check_conv_forward({1, {{18, 5, 3}, 17, 3, 3, 1, 1}, "winograd"}, {halves, true, false}, kernels);
      check_conv_forward({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "direct"}, {halves, true, false}, kernels);
    }
    check_conv_forward({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "direct"}, {batch_norm_relu, true, false},
                       KernelClass::reference);
  }

  TEST_CASE("small gradients of convolutions stay inside their arrays") {
    check_conv_backward_data({1, {{18, 5, 3}, 17, 3, 3, 1, 1}, "winograd"}, {true, MaskKind::batch_norm_relu, true},
                             KernelClass::automatic);
    check_conv_backward_data({2, {{5, 3, 5}, 6, 2, 3, 1, 1}, "direct"}, {}, KernelClass::automatic);
    check_conv_backward_data({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "strided"}, {}, KernelClass::automatic);
    check_conv_backward_data({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "strided"}, {}, KernelClass::reference);
    check_conv_backward_filter({3, {{18, 5, 3}, 17, 3, 3, 1, 1}, "winograd"}, batch_norm_relu, true,
                               KernelClass::automatic);
    check_conv_backward_filter({9, {{5, 3, 5}, 6, 2, 3, 2, 1}, "direct"}, batch_norm_relu, false,
                               KernelClass::automatic);
    check_conv_backward_filter({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "direct"}, plain, false, KernelClass::reference);
  }

  TEST_CASE("small convolutions of the GPU class and their gradients stay inside their arrays") {
    check_conv_forward({3, {{18, 5, 3}, 33, 3, 3, 1, 1}, "gemm"}, {batch_norm_relu, true, true}, KernelClass::gpu);
    check_conv_backward_data({2, {{5, 3, 5}, 6, 2, 3, 2, 1}, "gemm"}, {}, KernelClass::gpu);
    check_conv_backward_filter({3, {{5, 3, 5}, 18, 2, 3, 2, 1}, "gemm"}, batch_norm_relu, false, KernelClass::gpu);
  }

  TEST_CASE("a training step and an inference of a small network stay inside their arrays") {
    const Network network = small_network();
    const int n = 2, classes = network.classes();
    const Array<float> images = test_device().upload(
        to_blocked(random_images(network, n, 1), shape_of(n, network.input_shape()), test_device().channel_block()));
    TrainingPlan plan(test_device(), network, random_parameters(network, 2), n);
    CrossEntropy loss(test_device(), classes);
    const Guarded<float> losses(to_size_t(n)), correct(to_size_t(n));
    const Array<int> labels = test_device().upload(std::vector<int>{1, 2});
    const Array<float> logits = plan.forward(n, images, BatchNormMode::batch);
    loss.run(n, logits, labels, 0.5f, losses, correct, plan.logit_gradient());
    plan.backward();
    plan.step({});
    CHECK(losses.read()[0] > 0);

    InferencePlan inference(test_device(), network, plan.parameters(), n);
    const Values expected =
        to_doubles(test_device().read(plan.forward(n, images, BatchNormMode::frozen), to_size_t(n * classes)));
    const Values actual = to_doubles(test_device().read(inference.run(n, images), to_size_t(n * classes)));
    CHECK(largest_difference(expected, actual) < 1e-4);

    InferencePlan half(test_device(), network, plan.parameters(), n, KernelClass::automatic, Precision::fp16);
    const GuardedActivation half_images(test_device().read(images), Precision::fp16);
    CHECK(largest_difference(expected,
                             to_doubles(test_device().read(half.run(n, half_images), to_size_t(n * classes)))) < 4e-2);
  }
}

}  // namespace cascadecl
