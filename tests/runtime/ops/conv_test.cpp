#include <doctest/doctest.h>

#include "tests/support/conv_check.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr ViewKind plain{}, affine{.affine = true}, relu{.activation = ActivationFunction::relu()},
    batch_norm_relu{.affine = true, .activation = ActivationFunction::relu()};

struct ForwardCase {
  ConvCase conv;
  ConvFusion fusion;
};

// Each case costs a program build, so that they are few, and channels, images, kernels and fusions meet in pairs.
const ForwardCase forward_cases[] = {
    {{2, {{16, 8, 8}, 16, 3, 3, 1, 1}, "winograd"}, {batch_norm_relu, true, false}},
    {{1, {{16, 32, 32}, 16, 3, 3, 1, 1}, "winograd"}, {batch_norm_relu, false, true}},
    {{5, {{20, 5, 7}, 24, 3, 3, 1, 1}, "winograd"}, {plain, false, true}},
    {{2, {{32, 13, 6}, 48, 3, 3, 1, 1}, "winograd"}, {relu, true, true}},
    {{1, {{64, 9, 9}, 64, 3, 3, 1, 1}, "winograd"}, {batch_norm_relu, true, true}},
    {{2, {{80, 1, 1}, 80, 3, 3, 1, 1}, "winograd"}, {affine, true, true}},
    {{2, {{48, 8, 8}, 64, 3, 3, 1, 1}, "winograd"}, {relu, false, false}},
    {{2, {{3, 32, 32}, 16, 3, 3, 1, 1}, "direct"}, {plain, false, true}},
    {{5, {{16, 9, 9}, 32, 1, 1, 2, 0}, "direct"}, {plain, false, true}},
    {{1, {{32, 13, 6}, 64, 1, 1, 2, 0}, "direct"}, {batch_norm_relu, true, false}},
    {{2, {{5, 13, 6}, 20, 5, 5, 2, 2}, "direct"}, {relu, false, true}},
    {{2, {{20, 9, 9}, 5, 7, 7, 3, 3}, "direct"}, {affine, true, true}},
    {{1, {{3, 13, 6}, 48, 11, 11, 2, 5}, "direct"}, {plain, false, false}},
    {{2, {{24, 5, 7}, 3, 2, 3, 1, 0}, "direct"}, {batch_norm_relu, true, true}},
    {{2, {{5, 1, 1}, 3, 1, 1, 1, 0}, "direct"}, {batch_norm_relu, false, true}},
    {{1, {{80, 5, 7}, 20, 3, 3, 3, 1}, "direct"}, {relu, true, false}},
    {{2, {{16, 5, 7}, 16, 3, 3, 1, 0}, "direct"}, {affine, false, false}},
    {{2, {{5, 8, 8}, 16, 2, 3, 1, 1}, "direct"}, {plain, true, true}},
};

}  // namespace

TEST_CASE("convolution equals double precision, with every view, residual and moments") {
  for (const auto& [conv, fusion] : forward_cases) check_conv_forward(conv, fusion, KernelClass::automatic);
}

TEST_CASE("the plain convolution kernel equals double precision") {
  for (std::size_t i = 0; i < std::size(forward_cases); i += 3) {
    check_conv_forward(forward_cases[i].conv, forward_cases[i].fusion, KernelClass::reference);
  }
}

TEST_CASE("convolution on activations kept as halves equals double precision but for their rounding") {
  for (std::size_t i = 0; i < std::size(forward_cases); ++i) {
    ConvFusion fusion = forward_cases[i].fusion;
    fusion.view.precision = Precision::fp16;
    fusion.statistics = false;
    check_conv_forward(forward_cases[i].conv, fusion, i % 3 == 1 ? KernelClass::reference : KernelClass::automatic);
  }
}

TEST_CASE("a convolution that cannot take the fastest kernel says why") {
  const Device& device = test_device();
  if (device.info().kernel_class() != KernelClass::cpu || device.channel_block() != 16) {
    MESSAGE("not tested: the reasons are those of CPUs with channel blocks of 16");
    return;
  }
  const auto choice = [&](const ConvGeometry& geometry, KernelClass kernels = KernelClass::automatic) {
    return ConvForward(device, geometry, {}, kernels).choice();
  };
  CHECK(choice({{16, 8, 8}, 16, 3, 3, 1, 1}).reason.empty());
  CHECK(choice({{16, 9, 9}, 32, 1, 1, 2, 0}).reason == "1x1 kernel, stride 2, padding 0: winograd is for 3x3, 1, 1");
  CHECK(choice({{3, 32, 32}, 16, 3, 3, 1, 1}).reason == "3 to 16 channels: winograd needs at least a block of 16");
  const VariantChoice wide = choice({{64, 8, 3000}, 16, 3, 3, 1, 1});
  CHECK(wide.variant == "reference");
  CHECK(wide.reason.find("bytes of local memory, the device has") != std::string::npos);
}

}  // namespace cascadecl
