#include "runtime/ops/sgd.h"

#include <doctest/doctest.h>

#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr double tolerance = 1e-6;  // values below 4, two roundings a step

}  // namespace

TEST_CASE("sgd with momentum and weight decay equals the formula for any count") {
  for (const std::size_t count : {1u, 15u, 16u, 33u, 4096u, 5000u, 8197u}) {
    CAPTURE(count);
    for (const bool nesterov : {false, true}) {
      CAPTURE(nesterov);
      Values w = random_values(count, 1), v = random_values(count, 2);
      const Values g = random_values(count, 3);
      const Guarded<float> weights(to_floats(w)), gradient(to_floats(g)), velocity(to_floats(v));
      const SgdSettings settings{
          .learning_rate = 0.125f, .momentum = 0.75f, .weight_decay = 0.01f, .nesterov = nesterov};
      Sgd sgd(test_device(), count);
      for (int step = 0; step < 2; ++step) {
        sgd.step(weights, gradient, velocity, settings);
        for (std::size_t i = 0; i < count; ++i) {
          const double decayed = g[i] + static_cast<double>(0.01f) * w[i];
          v[i] = 0.75 * v[i] + decayed;
          w[i] -= 0.125 * (nesterov ? decayed + 0.75 * v[i] : v[i]);
        }
      }
      CHECK(largest_difference(w, to_doubles(weights.read())) < tolerance);
      CHECK(largest_difference(v, to_doubles(velocity.read())) < tolerance);
      CHECK(to_doubles(gradient.read()) == g);
    }
  }
}

}  // namespace cascadecl
