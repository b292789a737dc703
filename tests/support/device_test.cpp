#include "tests/support/device_test.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string_view>

namespace cascadecl::testing {
namespace {

// Position of element (n, c, pixel) in [n][c/b][h][w][b].
std::size_t blocked_index(const reference::Shape& shape, int device_block, int n, int c, std::size_t pixel) {
  const int block = channel_block_of(shape.c, device_block);
  const std::size_t plane = to_size_t(n) * to_size_t(block_count(shape.c, device_block)) + to_size_t(c / block);
  return (plane * shape.pixels() + pixel) * to_size_t(block) + to_size_t(c % block);
}

template <class Visit>
void for_each_element(const reference::Shape& shape, Visit visit) {
  for (int n = 0; n < shape.n; ++n)
    for (int c = 0; c < shape.c; ++c)
      for (std::size_t pixel = 0; pixel < shape.pixels(); ++pixel)
        visit(n, c, pixel, reference::at(shape, n, c, 0, 0) + pixel);
}

View make_view(const RandomView& random, ViewKind kind) {
  View view{random.data.activation(), {}, {}};
  if (kind.affine) {
    const int block = test_device().channel_block();
    view.scale = test_device().upload(to_channel_vector(random.scale, block));
    view.shift = test_device().upload(to_channel_vector(random.shift, block));
  }
  return view;
}

}  // namespace

const Device& test_device() {
  // Never destroyed: at the end of the program the driver may be gone before us.
  static const Device* const device = [] {
    const char* spec = std::getenv("CASCADECL_TEST_DEVICE");
    DeviceInfo info = select_device(spec ? spec : "auto", list_devices());
    if (const char* as = std::getenv("CASCADECL_TEST_CLASS"); as && std::string_view(as) == "gpu")
      info.kernels = KernelClass::gpu;
    return new Device(info);
  }();
  return *device;
}

Values random_values(std::size_t size, unsigned seed) {
  std::mt19937 engine(seed);
  Values values(size);
  for (double& value : values) value = static_cast<double>(engine() >> 26) / 16 - 2;
  return values;
}

std::vector<float> to_floats(const Values& values) { return {values.begin(), values.end()}; }
Values to_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

std::vector<float> to_blocked(const Values& nchw, const reference::Shape& shape, int device_block) {
  std::vector<float> blocked(to_size_t(shape.n) * image_elements({shape.c, shape.h, shape.w}, device_block), 0.0f);
  for_each_element(shape, [&](int n, int c, std::size_t pixel, std::size_t i) {
    blocked[blocked_index(shape, device_block, n, c, pixel)] = static_cast<float>(nchw[i]);
  });
  return blocked;
}

Values from_blocked(const std::vector<float>& blocked, const reference::Shape& shape, int device_block) {
  std::vector<float> padding = blocked;
  Values nchw(shape.size());
  for_each_element(shape, [&](int n, int c, std::size_t pixel, std::size_t i) {
    float& value = padding[blocked_index(shape, device_block, n, c, pixel)];
    nchw[i] = static_cast<double>(value);
    value = 0;
  });
  CHECK_MESSAGE(std::all_of(padding.begin(), padding.end(), [](float value) { return value == 0; }),
                "the padding channels are not zero");
  return nchw;
}

std::vector<float> to_channel_vector(const Values& values, int device_block) {
  return to_blocked(values, {1, static_cast<int>(values.size()), 1, 1}, device_block);
}

Values viewed(const Values& nchw, const reference::Shape& shape, ViewKind kind, const Values& scale,
              const Values& shift) {
  Values values = nchw;
  for_each_element(shape, [&](int, int c, std::size_t, std::size_t i) {
    if (kind.affine) values[i] = scale[to_size_t(c)] * values[i] + shift[to_size_t(c)];
    if (kind.activation.kind == ActivationFunction::Kind::relu) values[i] = std::max(values[i], 0.0);
    if (kind.activation.kind == ActivationFunction::Kind::clip)
      values[i] = std::clamp<double>(values[i], kind.activation.low, kind.activation.high);
  });
  return values;
}

double largest_difference(const Values& expected, const Values& actual) {
  REQUIRE(expected.size() == actual.size());
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(expected[i] - actual[i]);
    if (!(difference <= largest)) largest = difference;  // takes NaN as well
  }
  return largest;
}

GuardedActivation::GuardedActivation(std::size_t size, Precision precision) {
  if (precision == Precision::fp16)
    activation_ = halves_.emplace(size).array();
  else
    activation_ = floats_.emplace(size).array();
}

GuardedActivation::GuardedActivation(const std::vector<float>& values, Precision precision) {
  if (precision == Precision::fp16) {
    std::vector<Half> halves(values.size());
    std::transform(values.begin(), values.end(), halves.begin(), to_half);
    activation_ = halves_.emplace(halves).array();
  } else {
    activation_ = floats_.emplace(values).array();
  }
}

std::vector<float> GuardedActivation::read() const {
  if (floats_) return floats_->read();
  const std::vector<Half> halves = halves_->read();
  std::vector<float> values(halves.size());
  std::transform(halves.begin(), halves.end(), values.begin(), to_float);
  return values;
}

Values stored(const Values& values, Precision precision) {
  if (precision == Precision::fp32) return values;
  Values rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(),
                 [](double value) { return static_cast<double>(to_float(to_half(static_cast<float>(value)))); });
  return rounded;
}

double storage_tolerance(const Values& expected, Precision precision) {
  if (precision == Precision::fp32) return 0;
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  return largest * 0x1p-10;
}

RandomView::RandomView(int n, ImageShape shape, ViewKind kind, unsigned seed)
    : raw(random_values(shape_of(n, shape).size(), seed)),
      scale(random_values(to_size_t(shape.channels), seed + 1)),
      shift(random_values(to_size_t(shape.channels), seed + 2)),
      values(viewed(raw, shape_of(n, shape), kind, scale, shift)),
      data(to_blocked(raw, shape_of(n, shape), test_device().channel_block()), kind.precision),
      view(make_view(*this, kind)) {}

}  // namespace cascadecl::testing
