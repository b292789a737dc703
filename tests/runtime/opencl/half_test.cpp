#include "runtime/opencl/half.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <random>

#include "runtime/opencl/half_arithmetic.h"
#include "runtime/ops/activation_array.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

// The default build of the probe's kernel: a * b + b in float, loaded from halves and stored as one.
std::vector<Half> on_device(const std::vector<Half>& a, const std::vector<Half>& b) {
  Kernel kernel = test_device().kernel("half_arithmetic.cl", "half_arithmetic", {});
  const Guarded<Half> out(a.size());
  kernel.run({a.size()}, test_device().upload(a), test_device().upload(b), out.array(), test_device().allocate<int>(1));
  return out.read();
}

bool same(Half a, Half b) { return a == b || (std::isnan(to_float(a)) && std::isnan(to_float(b))); }

}  // namespace

TEST_CASE("every half is a float and back") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    if (!same(to_half(to_float(half)), half)) FAIL_CHECK("bits " << bits);
  }
  CHECK(to_float(Half{0x3C00}) == 1);
  CHECK(to_float(Half{0x0001}) == 0x1p-24F);
  CHECK(to_float(Half{0xFBFF}) == -65504);
  CHECK(std::isinf(to_float(Half{0x7C00})));
}

TEST_CASE("floats become the nearest half, ties the even one") {
  CHECK(to_half(1 + 0x1p-11F) == Half{0x3C00});
  CHECK(to_half(1 + 3 * 0x1p-11F) == Half{0x3C02});
  CHECK(to_half(std::nextafter(1 + 0x1p-11F, 2.0F)) == Half{0x3C01});
  CHECK(to_half(65519) == Half{0x7BFF});
  CHECK(to_half(65520) == Half{0x7C00});
  CHECK(to_half(0x1p-25F) == Half{0});
  CHECK(to_half(-0x1.8p-25F) == Half{0x8001});
  CHECK(std::isnan(to_float(to_half(NAN))));
}

TEST_CASE("the device loads and stores halves as the host does") {
  std::mt19937 engine(3);
  std::vector<Half> a(4096), b(4096);
  for (Half& half : a) half.bits = static_cast<std::uint16_t>(engine());
  for (Half& half : b) half.bits = static_cast<std::uint16_t>(engine());
  const std::vector<Half> results = on_device(a, b);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const float x = to_float(a[i]), y = to_float(b[i]);
    // With or without a rounding between product and sum.
    CAPTURE(x);
    CAPTURE(y);
    CHECK((same(results[i], to_half(x * y + y)) || same(results[i], to_half(std::fma(x, y, y)))));
  }
}

TEST_CASE("an activation tells its precision, and gives its memory only as what it holds") {
  const ActivationArray halves = allocate_activation(test_device(), 10, Precision::fp16);
  CHECK(halves.bytes() == 20);
  CHECK(halves.halves().size() == 10);
  CHECK_THROWS_AS(halves.floats(), ShapeError);
  const ActivationArray floats = test_device().allocate<float>(10);
  CHECK(floats.bytes() == 40);
  CHECK_THROWS_AS(floats.halves(), ShapeError);
  CHECK(ActivationArray().empty());
}

TEST_CASE("whether a device computes in half is found by trying, with a reason if not") {
  const HalfArithmetic probe = probe_half_arithmetic(test_device());
  CHECK(probe.works == probe.reason.empty());
  if (!test_device().info().fp16 && !probe.works) CHECK(probe.reason.find("cl_khr_fp16") != std::string::npos);
}

}  // namespace cascadecl
