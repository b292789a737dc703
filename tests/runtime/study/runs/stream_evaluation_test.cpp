#include "runtime/study/runs/stream_evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/small_cascade.h"

namespace cascadecl {
namespace {

using namespace small_cascade;

MemoryDataset dataset_of(std::int64_t images) {
  DatasetHeader header{.name = "noise", .dims = {3, 8, 8}, .mean = {0.5F, 0.5F, 0.5F}, .std = {0.25F, 0.25F, 0.25F}};
  for (int k = 0; k < classes; ++k) header.label_names.push_back("class " + std::to_string(k));
  return {header, random_images(static_cast<std::size_t>(images)),
          std::vector<std::int32_t>(static_cast<std::size_t>(images))};
}

std::vector<Device> one_device() { return std::vector<Device>(3, testing::test_device()); }

TEST_CASE("images arrive in order and on the average at the rate") {
  for (const Arrivals arrivals : {Arrivals::poisson, Arrivals::uniform}) {
    const std::vector<double> times = arrival_times(20'000, 50, arrivals, 4);
    CHECK(times.front() == 0);
    CHECK(std::ranges::is_sorted(times));
    CHECK(times.back() == doctest::Approx(20'000 / 50.0).epsilon(0.03));
    CHECK(times == arrival_times(20'000, 50, arrivals, 4));
  }
  CHECK(arrival_times(100, 50, Arrivals::poisson, 4) != arrival_times(100, 50, Arrivals::poisson, 5));
}

TEST_CASE("latency percentiles are of the nearest rank") {
  StreamEvaluation evaluation;
  for (int i = 1; i <= 200; ++i) evaluation.latencies_ms.push_back(i);
  CHECK(evaluation.latency_ms(0.5) == 100);
  CHECK(evaluation.latency_ms(0.99) == 198);
  CHECK(evaluation.latency_ms(0.999) == 200);
  CHECK(evaluation.latency_ms(1) == 200);
  CHECK(evaluation.latency_ms(0.001) == 1);
}

TEST_CASE("images are held back by a full stream, not by a sender that is late") {
  const MemoryDataset dataset = dataset_of(4000);
  StreamEvaluationSettings settings{
      .pipeline = {.executor = {.max_batch = 128}, .capacity = 4000, .max_delay = std::chrono::microseconds(0)},
      .rate_per_s = 1e7};
  const StreamEvaluation roomy = evaluate_stream(test_model(), one_device(), dataset, settings);
  CHECK(roomy.answered == 4000);
  CHECK(roomy.held_back == 0);
  settings.pipeline.capacity = 2;
  const StreamEvaluation full = evaluate_stream(test_model(), one_device(), dataset_of(200), settings);
  CHECK(full.answered == 200);
  CHECK(full.held_back > 0);
}

TEST_CASE("a failure ends a stream at once, though the next image is to come much later") {
  struct Broken final : StoppingScore {
    double of(const Visit&) const override { throw UsageError("no score"); }
  };
  const StreamEvaluationSettings settings{
      .pipeline = {.executor = {.max_batch = 1, .policy = StoppingPolicy{std::make_shared<Broken>(), 1}}},
      .rate_per_s = 1e-6,
      .arrivals = Arrivals::uniform};
  CHECK_THROWS_WITH_AS(evaluate_stream(test_model(), one_device(), dataset_of(2), settings), "no score", UsageError);
}

}  // namespace
}  // namespace cascadecl
