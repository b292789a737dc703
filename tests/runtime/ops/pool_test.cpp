#include "runtime/ops/pool.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "data/files/error.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

// Values are multiples of 1/256 up to 6: sums of a window are exact in float, only the division rounds (6 * 2^-23).
constexpr double tolerance = 2e-6;

constexpr ViewKind plain{}, affine{.affine = true}, relu{.relu = true}, batch_norm_relu{.affine = true, .relu = true};

struct PoolCase {
  ImageShape in;
  int kernel, stride, padding;
  ViewKind kind;
};
// Each case costs a program build, so that they are few and each odd in its own way.
constexpr PoolCase cases[] = {
    {{3, 5, 4}, 3, 2, 1, plain},
    {{5, 1, 1}, 1, 1, 0, affine},
    {{16, 7, 7}, 7, 3, 3, batch_norm_relu},
    {{20, 4, 6}, 2, 2, 0, batch_norm_relu},
    {{24, 3, 9}, 3, 1, 1, relu},
    {{64, 8, 8}, 1, 2, 0, affine},
    {{1, 6, 5}, 2, 1, 1, affine},
};

reference::Window window_of(const PoolCase& pool) {
  return {.r = pool.kernel, .s = pool.kernel, .stride = pool.stride, .padding = pool.padding};
}

void check_global_average_pool(int n, ImageShape image, ViewKind kind) {
  CAPTURE(image.channels);
  const int block = test_device().channel_block();
  const reference::Shape shape = shape_of(n, image);
  const RandomView in(n, image, kind, 1);
  GlobalAveragePool pool(test_device(), image, kind);

  const Guarded<float> out(to_size_t(n) * to_size_t(image.channels));
  pool.forward(n, in.view, out);
  CHECK(largest_difference(reference::global_average_pool_forward(in.values, shape), to_doubles(out.read())) <
        tolerance);
  if (kind.precision == Precision::fp16) return;  // for inference only

  const Values gradient = random_values(to_size_t(n) * to_size_t(image.channels), 5);
  const Guarded<float> out_gradient(to_floats(gradient));
  const Guarded<float> in_gradient(to_size_t(n) * image_elements(image, block));
  pool.backward(n, out_gradient, in_gradient);
  CHECK(largest_difference(reference::global_average_pool_backward(gradient, shape),
                           from_blocked(in_gradient.read(), shape, block)) < tolerance);
}

void check_pool(int n, const PoolCase& pool_case, bool max) {
  const PoolGeometry geometry{pool_case.in, pool_case.kernel, pool_case.stride, pool_case.padding, max};
  CAPTURE(geometry.in.channels);
  CAPTURE(geometry.kernel);
  CAPTURE(geometry.stride);
  const int block = test_device().channel_block();
  const reference::Shape shape = shape_of(n, geometry.in), out_shape = shape_of(n, geometry.output());
  const reference::Window window = window_of(pool_case);
  REQUIRE(out_shape == reference::window_output(shape, window, shape.c));
  const RandomView in(n, geometry.in, pool_case.kind, 1);
  Pool pool(test_device(), geometry, pool_case.kind);

  const Precision precision = pool_case.kind.precision;
  const GuardedActivation out(to_size_t(n) * image_elements(geometry.output(), block), precision);
  pool.forward(n, in.view, out);
  const Values expected = geometry.max ? reference::max_pool_forward(in.values, shape, window)
                                       : reference::average_pool_forward(in.values, shape, window);
  CHECK(largest_difference(expected, from_blocked(out.read(), out_shape, block)) <
        tolerance + storage_tolerance(expected, precision));
  if (precision == Precision::fp16) return;

  const Values gradient = random_values(out_shape.size(), 9);
  const Guarded<float> out_gradient(to_blocked(gradient, out_shape, block));
  const Guarded<float> in_gradient(to_size_t(n) * image_elements(geometry.in, block));
  pool.backward(n, in.view, out_gradient, in_gradient);
  const std::vector<float> first = in_gradient.read();
  const Values expected_gradient = geometry.max ? reference::max_pool_backward(in.values, gradient, shape, window)
                                                : reference::average_pool_backward(gradient, shape, window);
  CHECK(largest_difference(expected_gradient, from_blocked(first, shape, block)) < tolerance);

  pool.backward(n, in.view, out_gradient, in_gradient);
  CHECK(in_gradient.read() == first);
}

}  // namespace

TEST_CASE("global average pool and its gradient equal the reference through every view") {
  for (const PoolCase& pool : cases) check_global_average_pool(pool.in.channels == 5 ? 1 : 3, pool.in, pool.kind);
}

TEST_CASE("max pool and its gradient equal the reference through every view") {
  for (const PoolCase& pool : cases) check_pool(pool.in.channels == 5 ? 1 : 2, pool, true);
}

TEST_CASE("max pool gives NaN where a window holds one, and the first NaN of a window takes its gradient") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const PoolGeometry geometry{{5, 6, 7}, 3, 2, 1, true};
  const int block = test_device().channel_block();
  const reference::Shape shape = shape_of(2, geometry.in), out_shape = shape_of(2, geometry.output());
  const reference::Window window{.r = 3, .s = 3, .stride = 2, .padding = 1};
  Values values = random_values(shape.size(), 1);
  for (const std::size_t place : {0, 8, 9, 50, 130, 137, 400}) values[place] = nan;  // 8 and 9 share a window
  const Guarded<float> in(to_blocked(values, shape, block)),
      out(to_size_t(2) * image_elements(geometry.output(), block));
  const View view{in.array(), {}, {}};
  Pool pool(test_device(), geometry, plain);
  pool.forward(2, view, out.array());
  const Values expected = reference::max_pool_forward(values, shape, window);
  const Values actual = from_blocked(out.read(), out_shape, block);
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK((actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]))));
  CHECK(std::isnan(expected[0]));

  const Values gradient = random_values(out_shape.size(), 9);
  const Guarded<float> in_gradient(to_size_t(2) * image_elements(geometry.in, block));
  pool.backward(2, view, Guarded<float>(to_blocked(gradient, out_shape, block)), in_gradient);
  CHECK(largest_difference(reference::max_pool_backward(values, gradient, shape, window),
                           from_blocked(in_gradient.read(), shape, block)) < tolerance);
}

TEST_CASE("average pool counts real pixels only, and its gradient equals the reference") {
  for (const PoolCase& pool : cases) check_pool(pool.in.channels == 5 ? 1 : 2, pool, false);
}

TEST_CASE("pools read and write activations kept as halves") {
  for (PoolCase pool : cases) {
    pool.kind.precision = Precision::fp16;
    check_global_average_pool(2, pool.in, pool.kind);
    check_pool(2, pool, true);
    check_pool(1, pool, false);
  }
}

TEST_CASE("pool names its geometry when no window fits") {
  CHECK_THROWS_WITH_AS(Pool(test_device(), {{16, 2, 2}, 5, 1, 1, true}, {}),
                       "pool: kernel 5, stride 1, padding 1 does not fit input [16,2,2]", ShapeError);
  CHECK_THROWS_AS(Pool(test_device(), {{16, 8, 8}, 2, 1, 2, true}, {}), ShapeError);
}

}  // namespace cascadecl
