#include "runtime/network/plan_memory.h"

#include <doctest/doctest.h>

#include "runtime/network/buffer_pool.h"
#include "runtime/network/inference_plan.h"
#include "runtime/network/training_plan.h"
#include "runtime/network/zoo.h"
#include "tests/support/device_test.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

// All layers there are, residual blocks of several images on several queues, and projections.
std::vector<Network> networks() {
  return {odd_network(), make_network("resnet-20", {3, 32, 32}, 10), make_network("wrn-10-1", {3, 9, 7}, 10)};
}

template <class Plan>
void check_need(const Network& network, int batch, KernelClass kernels) {
  CAPTURE(network.name());
  CAPTURE(batch);
  const Device& device = test_device();
  const std::size_t before = device.allocated_bytes();
  const PlanMemory need = Plan::memory_needed(device, network, batch, kernels);
  CHECK(device.allocated_bytes() == before);
  const Plan plan(device, network, random_parameters(network, 1), batch, kernels);
  CHECK(need.total() == device.allocated_bytes() - before);
  CHECK(plan.memory().total() == need.total());
  CHECK(plan.memory().activations == need.activations);
  CHECK(need.largest_array > 0);
  CHECK(need.largest_array <= need.total());
}

}  // namespace

TEST_CASE("inference plans need the memory that they allocate, and say so before") {
  for (const Network& network : networks())
    for (const int batch : {1, 7, 16}) check_need<InferencePlan>(network, batch, KernelClass::automatic);
  check_need<InferencePlan>(odd_network(), 3, KernelClass::reference);
}

TEST_CASE("training plans need the memory that they allocate, and say so before") {
  for (const Network& network : networks())
    for (const int batch : {1, 16}) check_need<TrainingPlan>(network, batch, KernelClass::automatic);
  check_need<TrainingPlan>(odd_network(), 3, KernelClass::reference);
}

TEST_CASE("runs of a plan allocate nothing") {
  const Network network = small_resnet();
  const Device& device = test_device();
  InferencePlan inference(device, network, random_parameters(network, 1), 4);
  TrainingPlan training(device, network, random_parameters(network, 1), 4);
  const Array<float> images =
      device.upload(std::vector<float>(4 * image_elements(network.input_shape(), device.channel_block())));
  const std::size_t before = device.allocated_bytes();
  inference.run(4, images);
  training.forward(4, images, BatchNormMode::batch);
  training.backward();
  training.step({});
  training.forward(2, images, BatchNormMode::frozen);
  CHECK(device.allocated_bytes() == before);
  device.finish();  // or the program could end while the driver still compiles what was launched
}

TEST_CASE("a rehearsing device hands out arrays without memory and reads zeros") {
  const Device rehearsal = test_device().rehearsal();
  const Array<float> array = rehearsal.upload(std::vector<float>{1, 2, 3});
  CHECK(array.size() == 3);
  CHECK(array.buffer()() == nullptr);
  CHECK(rehearsal.read(array) == std::vector<float>(3));
  CHECK(rehearsal.allocated_bytes() == 3 * sizeof(float));
  CHECK(rehearsal.largest_array_bytes() == 3 * sizeof(float));
  rehearsal.allocate<float>(test_device().info().max_allocation_bytes);  // four times what the device allows
}

TEST_CASE("a pool's buffers are as large as the largest that they hold in turn") {
  BufferPool pool;
  const int a = pool.take(100);
  const int b = pool.take(50);
  CHECK(a != b);
  pool.release(a);
  pool.release(b);
  CHECK(pool.take(40) == b);   // the smallest that is large enough
  CHECK(pool.take(300) == a);  // grows
  pool.hold(a);
  CHECK(pool.shared(a));
  CHECK(pool.bytes() == (300 + 50) * sizeof(float));
}

TEST_CASE("a buffer that is to be of one size is handed out again for that size alone") {
  BufferPool pool;
  const int a = pool.take_equal(100);
  pool.release(a);
  const int b = pool.take_equal(40);
  CHECK(b != a);
  CHECK(pool.take_equal(100) == a);
  CHECK(pool.take_equal(100) != a);  // a is held again
  CHECK(pool.bytes() == (100 + 40 + 100) * sizeof(float));
}

}  // namespace cascadecl
