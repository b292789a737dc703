#include "runtime/ops/elementwise.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

// Values are multiples of 1/256 below 8, so that every result is exact in float.

struct Case {
  int n;
  ImageShape shape;
  ViewKind first, second;
};
// One program build each. The plane of 17 x 17 pixels is cut in pieces.
constexpr Case cases[] = {{2, {3, 5, 4}, {}, {.affine = true}},
                          {1, {5, 1, 1}, {.affine = true}, {}},
                          {1,
                           {16, 17, 17},
                           {.activation = ActivationFunction::relu()},
                           {.affine = true, .activation = ActivationFunction::relu()}},
                          {3,
                           {20, 4, 3},
                           {.affine = true, .activation = ActivationFunction::relu()},
                           {.activation = ActivationFunction::relu()}},
                          {2, {24, 1, 7}, {.affine = true, .activation = ActivationFunction::relu()}, {}}};

int block() { return test_device().channel_block(); }

GuardedActivation output(const Case& test, Precision precision) {
  return {to_size_t(test.n) * image_elements(test.shape, block()), precision};
}

ViewKind in_precision(ViewKind kind, Precision precision) {
  kind.precision = precision;
  return kind;
}

constexpr Precision precisions[] = {Precision::fp32, Precision::fp16};

}  // namespace

TEST_CASE("materialize writes what the view gives") {
  for (const Case& test : cases) {
    for (const Precision precision : precisions) {
      CAPTURE(test.shape.channels);
      const ViewKind kind = in_precision(test.first, precision);
      const RandomView in(test.n, test.shape, kind, 1);
      const GuardedActivation out = output(test, precision);
      ViewMaterialize(test_device(), test.shape, kind).run(test.n, in.view, out);
      CHECK(from_blocked(out.read(), shape_of(test.n, test.shape), block()) == stored(in.values, precision));
    }
  }
}

TEST_CASE("add_views adds two different views") {
  for (const Case& test : cases) {
    for (const Precision precision : precisions) {
      CAPTURE(test.shape.channels);
      const ViewKind first = in_precision(test.first, precision), second = in_precision(test.second, precision);
      const RandomView a(test.n, test.shape, first, 1), b(test.n, test.shape, second, 7);
      const GuardedActivation out = output(test, precision);
      AddViews(test_device(), test.shape, first, second).run(test.n, a.view, b.view, out);
      CHECK(from_blocked(out.read(), shape_of(test.n, test.shape), block()) ==
            stored(reference::add_forward(a.values, b.values), precision));
    }
  }
}

TEST_CASE("add_views may write over one of its inputs") {
  const Case& test = cases[0];
  const RandomView a(test.n, test.shape, test.first, 1), b(test.n, test.shape, test.second, 7);
  AddViews(test_device(), test.shape, test.first, test.second).run(test.n, a.view, b.view, a.data);
  CHECK(from_blocked(a.data.read(), shape_of(test.n, test.shape), block()) ==
        reference::add_forward(a.values, b.values));
}

TEST_CASE("activation_mask clears the gradient where the view gives zero") {
  for (const Case& test : cases) {
    if (test.first.activation.none()) continue;
    CAPTURE(test.shape.channels);
    const reference::Shape shape = shape_of(test.n, test.shape);
    const RandomView x(test.n, test.shape, test.first, 1);
    const Values gradient = random_values(shape.size(), 5);
    const Guarded<float> device_gradient(to_blocked(gradient, shape, block()));
    ActivationMask(test_device(), test.shape, test.first).run(test.n, x.view, device_gradient);
    CHECK(from_blocked(device_gradient.read(), shape, block()) == reference::relu_backward(x.values, gradient));
  }
  CHECK_THROWS_AS(ActivationMask(test_device(), {16, 2, 2}, {.affine = true}), ShapeError);
}

TEST_CASE("accumulate adds to what is there") {
  for (const Case& test : cases) {
    CAPTURE(test.shape.channels);
    const RandomView a(test.n, test.shape, {}, 1), b(test.n, test.shape, {}, 7);
    Accumulate(test_device(), test.shape).run(test.n, a.view.data.floats(), b.view.data.floats());
    CHECK(from_blocked(a.data.read(), shape_of(test.n, test.shape), block()) ==
          reference::add_forward(a.values, b.values));
  }
}

TEST_CASE("elementwise operations leave memory alone when there are no images") {
  const RandomView a(1, {16, 2, 2}, {}, 1), b(1, {16, 2, 2}, {}, 7);
  Accumulate(test_device(), {16, 2, 2}).run(0, a.view.data.floats(), b.view.data.floats());
  CHECK(from_blocked(a.data.read(), {1, 16, 2, 2}, block()) == a.values);
}

}  // namespace cascadecl
