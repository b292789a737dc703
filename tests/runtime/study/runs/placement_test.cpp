#include "runtime/study/runs/placement.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "data/files/error.h"
#include "runtime/network/zoo.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"

namespace cascadecl {
namespace {

using Row = std::vector<std::optional<double>>;

// Two stages; half of the images come to the second. A fast device that is far, and a slow one at hand.
PlacementCosts gpu_and_cpu() {
  return {.devices = {{.name = "gpu", .host_share = 0, .upload_ms = 0.5}, {.name = "cpu", .host_share = 1}},
          .reach = {1, 0.5},
          .stage = {Row{1.0, 2.0}, Row{2.0, 8.0}}};
}

TEST_CASE("throughput is bounded by the busiest device, latency is the sum of what an image meets") {
  const PlacementCosts costs = gpu_and_cpu();
  const auto cost = [&](std::size_t first, std::size_t second, Objective objective) {
    return placement_cost(costs, std::vector<std::size_t>{first, second}, objective);
  };
  CHECK(cost(0, 0, Objective::throughput) == 2.5);  // 1 + 0.5 to upload, half an image at 2
  CHECK(cost(1, 0, Objective::throughput) == 2.0);  // the cpu's 2 beside the gpu's (2 + 0.5) / 2
  CHECK(cost(1, 0, Objective::latency) == 3.25);
  CHECK(cost(0, 1, Objective::throughput) == 4.0);
  CHECK(rank_placements(costs, Objective::throughput).front().device == std::vector<std::size_t>{1, 0});
  CHECK(rank_placements(costs, Objective::latency).front().device == std::vector<std::size_t>{0, 0});
}

TEST_CASE("devices of one processor share its cores") {
  PlacementCosts costs = gpu_and_cpu();
  costs.devices[0].host_share = 1;
  CHECK(placement_cost(costs, std::vector<std::size_t>{1, 0}, Objective::throughput) == 3.25);
  costs.devices[0].host_share = costs.devices[1].host_share = 0.5;
  CHECK(placement_cost(costs, std::vector<std::size_t>{1, 0}, Objective::throughput) == 2.0);
}

TEST_CASE("a placement with an unknown part is not chosen") {
  PlacementCosts costs = gpu_and_cpu();
  costs.stage[1][0] = std::nullopt;
  const std::vector<Placement> ranked = rank_placements(costs, Objective::energy);
  CHECK(ranked.size() == 2);
  for (const Placement& placement : ranked) CHECK(placement.device[1] == 1);
}

TEST_CASE("the best placement is no worse than any other") {
  const bool holds = rc::check("any costs", [] {
    const auto stages = *rc::gen::inRange<std::size_t>(1, 5), devices = *rc::gen::inRange<std::size_t>(1, 4);
    const auto cost = [] { return *rc::gen::inRange(0, 1000) / 100.0; };
    PlacementCosts costs;
    for (std::size_t i = 0; i < devices; ++i) costs.devices.push_back({.host_share = cost() / 10, .upload_ms = cost()});
    for (std::size_t k = 0; k < stages; ++k) {
      costs.reach.push_back(k == 0 ? 1 : costs.reach.back() * cost() / 10);
      costs.stage.emplace_back();
      for (std::size_t i = 0; i < devices; ++i) costs.stage.back().push_back(cost());
    }
    std::vector<std::size_t> any(stages);
    for (std::size_t& device : any) device = *rc::gen::inRange<std::size_t>(0, devices);
    for (const Objective objective : {Objective::throughput, Objective::latency, Objective::energy}) {
      const std::vector<Placement> ranked = rank_placements(costs, objective);
      RC_ASSERT(ranked.front().cost <= placement_cost(costs, any, objective).value());
      RC_ASSERT(ranked.front().cost == placement_cost(costs, ranked.front().device, objective).value());
    }
  });
  CHECK(holds);
}

TEST_CASE("too many placements are refused") {
  PlacementCosts costs = gpu_and_cpu();
  costs.reach.assign(20, 1);
  costs.stage.assign(20, Row{1.0, 2.0});
  CHECK_THROWS_AS(rank_placements(costs, Objective::latency), UsageError);
}

constexpr ImageShape shape{3, 8, 8};

Model two_stages() {
  return random_model({make_network("resnet-8", shape, 7), make_network("resnet-14", shape, 7)}, 3);
}

TEST_CASE("too many placements are refused before anything is measured") {
  Model model = two_stages();
  model.stages.assign(20, model.stages.front());
  const std::vector<Device> devices(2, testing::test_device());
  CHECK_THROWS_WITH_AS(measure_placement(model, devices, {}, {}, Objective::latency),
                       doctest::Contains("20 stages on 2 devices"), UsageError);
}

TEST_CASE("a measured placement has a cost for each stage on each device") {
  const Model model = two_stages();
  const Device other(testing::test_device().info());
  const std::vector<std::uint8_t> images(shape.values() * 6, 100);
  for (const Objective objective : {Objective::throughput, Objective::latency}) {
    const PlacementCosts costs =
        measure_placement(model, {testing::test_device(), other}, images, {.max_batch = 4}, objective);
    CHECK(costs.devices.size() == 2);
    CHECK(costs.reach.front() == 1);
    REQUIRE(costs.stage.size() == 2);
    for (const Row& row : costs.stage)
      for (const auto& cost : row) CHECK(cost.value() >= 0);  // less than its upload took, on a busy machine: 0
    CHECK(rank_placements(costs, objective).size() == 4);
  }
}

TEST_CASE("latency is measured on images that come alone") {
  const Model model = two_stages();
  const Device first(testing::test_device().info()), second(testing::test_device().info());
  constexpr int batch = 2048;
  const std::vector<std::uint8_t> images(shape.values() * batch, 100);
  const PlacementCosts costs =
      measure_placement(model, {first, second}, images, {.max_batch = batch}, Objective::latency);
  // Only the first, which also tells who comes to each stage, has held what a full batch takes: 16 channels each.
  const std::size_t layer = batch * 16 * shape.height * shape.width * sizeof(float);
  CHECK(first.largest_array_bytes() >= layer);
  CHECK(second.largest_array_bytes() < layer);
  for (const Row& row : costs.stage)
    for (const auto& cost : row) CHECK(cost.value() > 0);
}

TEST_CASE("a device without enough memory is left out with the reason, and runs no stage") {
  const Model model = two_stages();
  DeviceInfo info = testing::test_device().info();
  info.global_memory_bytes = 100'000;
  const Device small(info);
  const std::vector<std::uint8_t> images(shape.values() * 6, 100);
  for (const Objective objective : {Objective::throughput, Objective::latency}) {
    const PlacementCosts costs =
        measure_placement(model, {small, testing::test_device()}, images, {.max_batch = 4}, objective);
    CHECK(costs.devices[0].left_out.find("batches of 1 need") != std::string::npos);
    CHECK(costs.devices[1].left_out.empty());
    CHECK(costs.devices[1].max_batch == 4);
    CHECK(costs.reach.front() == 1);
    const std::vector<Placement> ranked = rank_placements(costs, objective);
    REQUIRE(ranked.size() == 1);
    CHECK(ranked.front().device == std::vector<std::size_t>{1, 1});
  }
  CHECK_THROWS_AS(measure_placement(model, {small}, images, {.max_batch = 4}, Objective::latency), DeviceError);
}

TEST_CASE("a device of little memory is measured with the batch that fits") {
  const Model model = two_stages();
  DeviceInfo info = testing::test_device().info();
  info.global_memory_bytes = 6'300'000;
  const std::vector<std::uint8_t> images(shape.values() * 6, 100);
  const PlacementCosts costs =
      measure_placement(model, {Device(info)}, images, {.max_batch = 512}, Objective::throughput);
  CHECK(costs.devices[0].left_out.empty());
  CHECK(costs.devices[0].max_batch >= 1);
  CHECK(costs.devices[0].max_batch < 512);
}

TEST_CASE("energy that no device's meter tells is an error") {
  const Model model = two_stages();
  const std::vector<std::uint8_t> images(shape.values() * 6, 100);
  MeterEnvironment nothing;
  nothing.nvml_library = "/nonexistent/libnvidia-ml.so.1";
  nothing.sys_root = "/nonexistent";
  CHECK_THROWS_AS(
      measure_placement(model, {testing::test_device()}, images, {.max_batch = 4}, Objective::energy, nothing),
      MeasurementError);
}

}  // namespace
}  // namespace cascadecl
