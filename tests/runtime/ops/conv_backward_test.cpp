#include <doctest/doctest.h>

#include "tests/support/conv_check.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr ViewKind plain{}, affine{.affine = true}, relu{.activation = ActivationFunction::relu()},
    batch_norm_relu{.affine = true, .activation = ActivationFunction::relu()};

struct DataCase {
  ConvCase conv;
  ConvBackwardData::Fusion fusion;
};
const DataCase data_cases[] = {
    {{2, {{16, 8, 8}, 16, 3, 3, 1, 1}, "winograd"}, {true, MaskKind::batch_norm_relu, false}},
    {{1, {{16, 32, 32}, 16, 3, 3, 1, 1}, "winograd"}, {false, MaskKind::batch_norm_relu, true}},
    {{5, {{20, 5, 7}, 24, 3, 3, 1, 1}, "winograd"}, {false, MaskKind::relu, true}},
    {{2, {{32, 13, 6}, 48, 3, 3, 1, 1}, "winograd"}, {true, MaskKind::none, true}},
    {{1, {{64, 9, 9}, 64, 3, 3, 1, 1}, "winograd"}, {true, MaskKind::relu, false}},
    {{2, {{80, 1, 1}, 80, 3, 3, 1, 1}, "winograd"}, {true, MaskKind::batch_norm_relu, true}},
    {{2, {{64, 8, 8}, 48, 3, 3, 1, 1}, "winograd"}, {}},
    {{2, {{3, 13, 6}, 16, 3, 3, 1, 1}, "direct"}, {}},
    {{1, {{24, 5, 7}, 3, 2, 3, 1, 0}, "direct"}, {}},
    {{2, {{5, 8, 8}, 16, 2, 3, 1, 1}, "direct"}, {}},
    {{2, {{5, 1, 1}, 3, 1, 1, 1, 0}, "direct"}, {}},
    {{1, {{16, 9, 9}, 20, 7, 7, 1, 2}, "direct"}, {}},
    {{5, {{16, 9, 9}, 32, 1, 1, 2, 0}, "strided"}, {}},
    {{1, {{32, 13, 6}, 64, 1, 1, 2, 0}, "strided"}, {}},
    {{2, {{5, 13, 6}, 20, 5, 5, 2, 2}, "strided"}, {}},
    {{2, {{20, 9, 9}, 5, 7, 7, 3, 3}, "strided"}, {}},
    {{1, {{3, 13, 6}, 48, 11, 11, 2, 5}, "strided"}, {}},
    {{1, {{80, 5, 7}, 20, 3, 3, 3, 1}, "strided"}, {}},
};

struct FilterCase {
  ConvCase conv;
  ViewKind view;
  bool deferred;
};
const FilterCase filter_cases[] = {
    {{2, {{16, 8, 8}, 16, 3, 3, 1, 1}, "winograd"}, batch_norm_relu, true},
    {{1, {{16, 32, 32}, 16, 3, 3, 1, 1}, "winograd"}, batch_norm_relu, false},
    {{5, {{20, 5, 7}, 24, 3, 3, 1, 1}, "winograd"}, plain, true},
    {{19, {{32, 8, 8}, 48, 3, 3, 1, 1}, "winograd"}, relu, false},
    {{10, {{64, 9, 9}, 64, 3, 3, 1, 1}, "winograd"}, batch_norm_relu, true},
    {{35, {{80, 1, 1}, 80, 3, 3, 1, 1}, "winograd"}, affine, false},
    {{2, {{32, 13, 6}, 16, 3, 3, 1, 1}, "winograd"}, plain, true},
    {{2, {{3, 32, 32}, 16, 3, 3, 1, 1}, "direct"}, plain, false},
    {{9, {{16, 9, 9}, 32, 1, 1, 2, 0}, "direct"}, plain, false},
    {{1, {{32, 13, 6}, 64, 1, 1, 2, 0}, "direct"}, batch_norm_relu, false},
    {{2, {{5, 13, 6}, 20, 5, 5, 2, 2}, "direct"}, relu, false},
    {{2, {{20, 9, 9}, 5, 7, 7, 3, 3}, "direct"}, affine, false},
    {{1, {{3, 13, 6}, 48, 11, 11, 2, 5}, "direct"}, plain, false},
    {{2, {{24, 5, 7}, 3, 2, 3, 1, 0}, "direct"}, batch_norm_relu, false},
    {{2, {{5, 1, 1}, 3, 1, 1, 1, 0}, "direct"}, relu, false},
    {{1, {{80, 5, 7}, 20, 3, 3, 3, 1}, "direct"}, batch_norm_relu, false},
};

}  // namespace

TEST_CASE("the gradient by a convolution's input equals double precision, plain and deferred, with masks and sums") {
  for (const auto& [conv, fusion] : data_cases) check_conv_backward_data(conv, fusion, KernelClass::automatic);
}

TEST_CASE("the plain gradient by a convolution's input equals double precision") {
  for (std::size_t i = 0; i < std::size(data_cases); i += 3) {
    check_conv_backward_data(data_cases[i].conv, {}, KernelClass::reference);
  }
}

TEST_CASE("the gradient by a convolution's filters equals double precision, with every view, plain and deferred") {
  for (const auto& [conv, view, deferred] : filter_cases) {
    check_conv_backward_filter(conv, view, deferred, KernelClass::automatic);
  }
}

TEST_CASE("the plain gradient by a convolution's filters equals double precision") {
  for (std::size_t i = 0; i < std::size(filter_cases); i += 3) {
    check_conv_backward_filter(filter_cases[i].conv, filter_cases[i].view, false, KernelClass::reference);
  }
}

}  // namespace cascadecl
