#include "runtime/ops/dense.h"

#include <doctest/doctest.h>

#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

struct Case {
  int n, in, out;
};
constexpr Case cases[] = {{1, 3, 1}, {3, 5, 2}, {7, 20, 10}, {128, 64, 10}, {5, 16, 17}};

// Products are multiples of 1/256 below 4 and at most 128 are summed: exact in float in every order.
void check_dense(const Case& test, DenseVariant variant) {
  CAPTURE(to_string(variant));
  CAPTURE(test.in);
  const auto [n, in, out] = test;
  const Values features = random_values(to_size_t(n * in), 1), weight = random_values(to_size_t(out * in), 2);
  const Values bias = random_values(to_size_t(out), 3), gradient = random_values(to_size_t(n * out), 4);
  const Guarded<float> x(to_floats(features)), w(to_floats(weight)), b(to_floats(bias)), dy(to_floats(gradient));
  const Guarded<float> y(to_size_t(n * out)), dx(to_size_t(n * in)), dw(to_size_t(out * in)), db(to_size_t(out));
  Dense dense(test_device(), in, out, n, variant);
  REQUIRE(dense.variant() == variant);

  dense.forward(n, x, w, b, y);
  CHECK(to_doubles(y.read()) == reference::dense_forward(features, weight, bias, n, in, out));
  const reference::DenseGradients expected = reference::dense_backward(features, weight, gradient, n, in, out);
  dense.backward_parameters(n, x, dy, dw, db);
  CHECK(to_doubles(dw.read()) == expected.weight);
  CHECK(to_doubles(db.read()) == expected.bias);
  dense.backward_features(n, dy, w, dx);
  CHECK(to_doubles(dx.read()) == expected.src);
}

std::vector<float> thirds(std::size_t size, unsigned seed) {
  std::vector<float> values = to_floats(random_values(size, seed));
  for (float& value : values) value /= 3;  // sums of these round
  return values;
}

}  // namespace

TEST_CASE("plain dense equals the reference") {
  for (const Case& test : cases) check_dense(test, DenseVariant::plain);
}

TEST_CASE("dense through CLBlast equals the reference") {
  for (const Case& test : cases) check_dense(test, DenseVariant::clblast);
}

TEST_CASE("dense gives the same bits twice") {
  const int n = 33, in = 37, out = 11;
  const Array<float> x = test_device().upload(thirds(to_size_t(n * in), 1));
  const Array<float> w = test_device().upload(thirds(to_size_t(out * in), 2));
  const Array<float> b = test_device().upload(thirds(to_size_t(out), 3));
  for (const DenseVariant variant : {DenseVariant::plain, DenseVariant::clblast}) {
    Dense dense(test_device(), in, out, n, variant);
    const Array<float> first = test_device().allocate<float>(to_size_t(n * out));
    const Array<float> second = test_device().allocate<float>(to_size_t(n * out));
    dense.forward(n, x, w, b, first);
    dense.forward(n, x, w, b, second);
    CHECK(test_device().read(first) == test_device().read(second));
  }
}

TEST_CASE("dense without images has zero parameter gradients") {
  Dense dense(test_device(), 20, 10, 4, DenseVariant::clblast);
  const Guarded<float> none(1), dw(200), db(10);
  dense.backward_parameters(0, none, none, dw, db);
  CHECK(dw.read() == std::vector<float>(200, 0.0f));
  CHECK(db.read() == std::vector<float>(10, 0.0f));
}

TEST_CASE("dense takes CLBlast by itself for large products on GPUs only") {
  const bool cpu = test_device().info().coarse_items();
  CHECK(Dense(test_device(), 64, 10, 128).variant() == DenseVariant::plain);
  CHECK(Dense(test_device(), 512, 1000, 128).variant() == (cpu ? DenseVariant::plain : DenseVariant::clblast));
}

}  // namespace cascadecl
