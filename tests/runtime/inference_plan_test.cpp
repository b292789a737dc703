#include "runtime/network/inference_plan.h"

#include <doctest/doctest.h>

#include "data/error.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_network.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

// Logits are of size 1 to 10; rounding and Winograd's transforms add up over some tens of layers.
constexpr double logit_tolerance = 2e-4;

struct PlanCase {
  Network network;
  int max_batch;
  std::vector<int> batches;
};

void check_plan(const PlanCase& c, KernelClass kernels) {
  CAPTURE(c.network.name());
  const Parameters parameters = random_parameters(c.network, 2);
  InferencePlan plan(test_device(), c.network, parameters, c.max_batch, kernels);
  CHECK(plan.max_batch() == c.max_batch);
  CHECK(plan.activation_bytes() < plan.peak_bytes());
  for (const int n : c.batches) {
    CAPTURE(n);
    const Values images = random_images(c.network, n, static_cast<unsigned>(n));
    const Guarded<float> device(
        to_blocked(images, shape_of(n, c.network.input_shape()), test_device().channel_block()));
    const std::vector<float> before = device.read();
    const Array<float> logits = plan.run(n, device);
    CHECK(logits.size() == to_size_t(c.max_batch * c.network.classes()));
    CHECK(largest_difference(reference::forward(c.network, parameters, images, n),
                             to_doubles(test_device().read(logits, to_size_t(n * c.network.classes())))) <
          logit_tolerance);
    CHECK(device.read() == before);  // the images are not changed
  }
}

}  // namespace

TEST_CASE("inference plans equal the reference network, for all batch sizes up to the largest, again and again") {
  for (const KernelClass kernels : {KernelClass::automatic, KernelClass::reference}) {
    check_plan({odd_network(), 5, {5, 1, 3, 5}}, kernels);
    check_plan({small_resnet(), 3, {3, 1}}, kernels);
    check_plan({make_network("resnet-8", {3, 16, 16}, 10), 2, {2, 1, 2}}, kernels);
  }
  check_plan({make_network("wrn-10-1", {3, 9, 7}, 10), 3, {1, 3}}, KernelClass::automatic);
}

}  // namespace cascadecl
