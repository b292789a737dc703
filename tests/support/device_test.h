#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "runtime/opencl/device.h"
#include "runtime/ops/layout.h"
#include "runtime/ops/view.h"
#include "tests/support/reference_ops.h"

// What tests of kernels share: the device under test, random values, layouts, guarded memory.
namespace cascadecl::testing {

using reference::Values;

// The device named by $CASCADECL_TEST_DEVICE (a device SPEC), else `auto`. Opened once. $CASCADECL_TEST_CLASS=gpu has
// it treated as a GPU, so that a CPU tests what GPUs get: blocks of 4, small work-items, groups chosen by the driver.
const Device& test_device();

// Multiples of 1/16 in [-2, 2): exact in float, with equal values among them. Fixed by the seed.
Values random_values(std::size_t size, unsigned seed);
std::vector<float> to_floats(const Values& values);

inline std::size_t to_size_t(int count) { return static_cast<std::size_t>(count); }
inline reference::Shape shape_of(int n, ImageShape image) { return {n, image.channels, image.height, image.width}; }

// [n][c][h][w] <-> [n][c/b][h][w][b]; the padding of to_blocked is zero, from_blocked checks that it is zero.
std::vector<float> to_blocked(const Values& nchw, const reference::Shape& shape, int device_block);
Values from_blocked(const std::vector<float>& blocked, const reference::Shape& shape, int device_block);

// Scale or shift of a view: [c] padded to the block with zeros.
std::vector<float> to_channel_vector(const Values& values, int device_block);

// What a view gives, in double. Scale and shift are [c], read if kind.affine.
Values viewed(const Values& nchw, const reference::Shape& shape, ViewKind kind, const Values& scale,
              const Values& shift);

double largest_difference(const Values& expected, const Values& actual);
Values to_doubles(const std::vector<float>& values);

// `size` elements of device memory between canaries. Fills itself with NaN-like garbage first, so that what a kernel
// does not write is seen. check() fails the test if something wrote outside. Under Oclgrind there are no canaries,
// because it watches the borders of real allocations itself.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t size) : Guarded(std::vector<T>(size, garbage())) {}
  explicit Guarded(const std::vector<T>& values) : margin_(watched_by_device() ? 0 : test_device().slice_step<T>()) {
    const Device& device = test_device();
    std::vector<T> all(values.size() + 2 * margin_, garbage());
    std::copy(values.begin(), values.end(), all.begin() + static_cast<std::ptrdiff_t>(margin_));
    whole_ = device.upload(all);
    inner_ = margin_ ? device.slice(whole_, margin_, values.size()) : whole_;
  }
  operator const Array<T>&() const { return inner_; }
  const Array<T>& array() const { return inner_; }

  // The values, after checking the canaries.
  std::vector<T> read() const {
    const std::vector<T> all = test_device().read(whole_);
    bool untouched = true;
    for (std::size_t i = 0; i < margin_; ++i)
      untouched = untouched && is_garbage(all[i]) && is_garbage(all[all.size() - 1 - i]);
    CHECK_MESSAGE(untouched, "a kernel wrote outside its array");
    return {all.begin() + static_cast<std::ptrdiff_t>(margin_), all.end() - static_cast<std::ptrdiff_t>(margin_)};
  }

 private:
  static T garbage() {
    T value;
    std::memset(static_cast<void*>(&value), 0xAB, sizeof value);  // as float: -1.2e-12, not a value that tests use
    return value;
  }
  static bool is_garbage(const T& value) {
    const T canary = garbage();
    return std::memcmp(static_cast<const void*>(&value), static_cast<const void*>(&canary), sizeof canary) == 0;
  }
  static bool watched_by_device() { return test_device().info().platform_name == "Oclgrind"; }

  std::size_t margin_;
  Array<T> whole_, inner_;
};

// An activation between canaries; made of floats and read as floats, rounded where it holds halves.
class GuardedActivation {
 public:
  GuardedActivation(std::size_t size, Precision precision);
  GuardedActivation(const std::vector<float>& values, Precision precision);
  operator const ActivationArray&() const { return activation_; }
  const ActivationArray& activation() const { return activation_; }
  std::vector<float> read() const;  // after checking the canaries

 private:
  std::optional<Guarded<float>> floats_;
  std::optional<Guarded<Half>> halves_;
  ActivationArray activation_;
};

// What storing values in a precision makes of them: exact values rounded once.
Values stored(const Values& values, Precision precision);
// How far from exact results may be for being stored in a precision: 2^-10 of the largest, twice the rounding.
double storage_tolerance(const Values& expected, Precision precision);

// A random view of a random activation [n][c][h][w]: on the device and, as `values`, in double.
struct RandomView {
  RandomView(int n, ImageShape shape, ViewKind kind, unsigned seed);
  Values raw, scale, shift;  // what lies in memory
  Values values;             // what the view gives
  GuardedActivation data;    // in kind.precision
  View view;
};

}  // namespace cascadecl::testing
