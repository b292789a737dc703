#include "runtime/ops/conv_grouped.h"

#include <doctest/doctest.h>

#include "runtime/ops/conv.h"
#include "runtime/ops/conv_backward.h"
#include "tests/support/conv_check.h"
#include "tests/support/device_test.h"

// Groups of channels and biases, which all classes of kernels can.
namespace cascadecl {
namespace {

using namespace testing;

constexpr ViewKind plain{}, affine{.affine = true}, relu{.activation = ActivationFunction::relu()},
    batch_norm_relu{.affine = true, .activation = ActivationFunction::relu()};
constexpr KernelClass classes[] = {KernelClass::cpu, KernelClass::gpu, KernelClass::reference};

// Depthwise with whole, cut and small blocks; groups of whole blocks; groups within a block and across blocks; several
// outputs for each input.
struct Case {
  int n;
  ConvGeometry geometry;
  ConvFusion fusion;
};
const Case cases[] = {
    {2, {{16, 9, 9}, 16, 3, 3, 1, 1, 16}, {.view = batch_norm_relu, .residual = true}},
    {3, {{5, 7, 6}, 5, 3, 3, 2, 1, 5}, {.view = relu, .bias = true}},
    {1, {{20, 6, 5}, 20, 5, 5, 1, 2, 20}, {.view = affine, .residual = true, .bias = true}},
    {2, {{32, 5, 9}, 64, 3, 3, 1, 1, 2}, {.view = batch_norm_relu, .bias = true}},
    {5, {{24, 5, 7}, 12, 3, 3, 2, 1, 4}, {.view = plain, .residual = true, .bias = true}},
    {1, {{6, 7, 4}, 18, 2, 3, 3, 0, 6}, {.view = batch_norm_relu}},
    {2, {{64, 3, 3}, 32, 1, 1, 1, 0, 4}, {.view = relu, .residual = true}},
    {1, {{2, 1, 1}, 2, 3, 3, 1, 2, 2}, {.view = plain, .bias = true}},
};

ConvCase convolution(const Case& c) { return {c.n, c.geometry, "grouped"}; }

}  // namespace

TEST_CASE("a convolution in groups equals double precision, with every view, bias and residual") {
  for (const Case& c : cases) {
    for (const KernelClass kernels : classes) check_conv_forward(convolution(c), c.fusion, kernels);
  }
}

TEST_CASE("a convolution in groups on halves equals double precision but for their rounding") {
  for (std::size_t i = 0; i < std::size(cases); i += 2) {
    ConvFusion fusion = cases[i].fusion;
    fusion.view.precision = Precision::fp16;
    check_conv_forward(convolution(cases[i]), fusion, KernelClass::automatic);
  }
}

TEST_CASE("the gradient by the input of a convolution in groups equals double precision") {
  for (const Case& c : cases) {
    for (const KernelClass kernels : classes) check_conv_backward_data(convolution(c), {}, kernels);
  }
}

TEST_CASE("the gradient by the filters of a convolution in groups equals double precision, with every view") {
  for (const Case& c : cases) {
    for (const KernelClass kernels : classes) {
      check_conv_backward_filter({19, c.geometry, "grouped"}, c.fusion.view, false, kernels);
    }
  }
}

TEST_CASE("a convolution with a bias equals double precision, with residual and moments") {
  const std::pair<ConvCase, ConvFusion> biased[] = {
      {{2, {{16, 8, 8}, 16, 3, 3, 1, 1}, "winograd"}, {batch_norm_relu, true, true, true}},
      {{3, {{20, 5, 7}, 24, 3, 3, 1, 1}, "winograd"}, {plain, false, true, true}},
      {{1, {{5, 13, 6}, 20, 5, 5, 2, 2}, "direct"}, {relu, true, true, true}},
      {{2, {{16, 9, 9}, 3, 1, 1, 2, 0}, "direct"}, {affine, false, false, true}},
  };
  for (const auto& [conv, fusion] : biased) {
    for (const KernelClass kernels : classes) {
      if (kernels == KernelClass::cpu && test_device().info().kernel_class() != KernelClass::cpu) continue;
      check_conv_forward(conv, fusion, kernels);
    }
  }
}

TEST_CASE("the gradient by a bias equals double precision, from a plain gradient and from a deferred one") {
  check_conv_backward_bias(2, {16, 9, 9}, false);
  check_conv_backward_bias(19, {20, 5, 7}, true);
  check_conv_backward_bias(70, {3, 1, 1}, true);
  check_conv_backward_bias(1, {1, 32, 32}, false);
}

TEST_CASE("kernels for one group decline more, and both gradients at once do") {
  const ConvGeometry g{{32, 8, 8}, 32, 3, 3, 1, 1, 2};
  const VariantChoice choice = ConvForward(test_device().rehearsal(), g, {}, KernelClass::cpu).choice();
  REQUIRE(choice.declined.size() == 2);
  CHECK(choice.declined[0] == Declined{"winograd", "2 groups of channels: it is for one"});
  CHECK(choice.declined[1] == Declined{"direct", "2 groups of channels: it is for one"});
  CHECK_FALSE(ConvBackwardData::can_fuse(test_device(), g, KernelClass::cpu));
  CHECK_FALSE(ConvBackwardFilter::can_fuse(test_device(), g, KernelClass::cpu));
  CHECK(ConvBackward::declines(test_device(), g, {.activation = ActivationFunction::relu()}, KernelClass::cpu) ==
        "2 groups of channels: it is for one");
}

}  // namespace cascadecl
