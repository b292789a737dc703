#include "runtime/study/answers/cascade_table.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/executor.h"
#include "runtime/network/zoo.h"
#include "runtime/study/answers/accuracy.h"
#include "runtime/study/answers/table_file.h"
#include "runtime/study/tradeoff/budget.h"
#include "runtime/study/tradeoff/policy_comparison.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

constexpr ImageShape shape{3, 8, 8};
constexpr std::size_t images = 60;

Model three_stages() {
  Model model = random_model(
      {make_network("resnet-8", shape, 7), make_network("resnet-14", shape, 7), make_network("resnet-20", shape, 7)},
      4);
  model.exit_functions = random_model({make_network("resnet-8", shape, 7), make_network("resnet-14", shape, 7),
                                       make_network("resnet-20", shape, 7)},
                                      9)
                             .policies;
  model.combination = {1, 0, 0, 0.5, 0.75, 0, 0.25, 0.5, 1};
  return model;
}

MemoryDataset noise() {
  std::mt19937 engine(2);
  std::vector<std::uint8_t> pixels(images * 192);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(engine() >> 24);
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < images; ++i) labels.push_back(static_cast<std::int32_t>(engine() % 7));
  return {{.name = "noise",
           .dims = {3, 8, 8},
           .label_names = {"a", "b", "c", "d", "e", "f", "g"},
           .mean = {0.5F, 0.5F, 0.5F},
           .std = {0.25F, 0.25F, 0.25F}},
          pixels,
          labels};
}

CascadeTable table_of(const Model& model) {
  return cascade_table(model, testing::test_device(), noise(), all_indices(images), {.max_batch = 16});
}

std::vector<std::uint8_t> noise_pixels() {
  std::vector<std::uint8_t> pixels(images * 192);
  noise().read(all_indices(images), pixels.data());
  return pixels;
}

// Two stages of 1 and 3 MMAC, four images of two classes, all of label 0; stage 0 is right on the first two, stage 1 on
// all.
CascadeTable tiny() {
  return {.probabilities = {2,
                            4,
                            2,
                            {0.9F, 0.1F, 0.6F, 0.4F, 0.3F, 0.7F, 0.4F, 0.6F,  //
                             0.8F, 0.2F, 0.8F, 0.2F, 0.8F, 0.2F, 0.8F, 0.2F}},
          .labels = {0, 0, 0, 0},
          .numbers = {0, 1, 2, 3},
          .network_mmac = {1, 3}};
}

TEST_CASE("the executor with each policy stops, answers and costs as its simulation says") {
  const Model whole = three_stages();
  const MemoryDataset dataset = noise();
  std::vector<std::uint8_t> pixels(images * 192);
  dataset.read(all_indices(images), pixels.data());
  for (const PolicyKind kind : policy_kinds()) {
    CAPTURE(to_string(kind));
    if (kind == PolicyKind::fixed) continue;
    const Model model = model_under(whole, {kind, 0.5});
    const std::shared_ptr<const StoppingScore> score = make_score(kind, {5, whole.combination});
    const CascadeTable table = table_of(model);
    const std::vector<double> scores = scores_of(table, *score);
    for (const Combine combine : {Combine::reweight, Combine::last, Combine::fitted}) {
      // Halfway between neighbours, so that a last bit decides nothing.
      std::vector<double> sorted = scores;
      std::ranges::sort(sorted);
      const double limit = has_threshold(kind) ? (sorted[images / 2] + sorted[images / 2 + 1]) / 2
                                               : make_policy({kind}, {5, whole.combination}).limit;
      const ExecutorSettings settings{
          .max_batch = 16, .policy = StoppingPolicy{score, limit, asks_model(kind)}, .combine = combine};
      const CascadeResult run = CascadeExecutor(model, std::vector<Device>(3, testing::test_device()), settings)
                                    .classify(pixels, 0, dataset.labels());
      const Simulation simulated = simulate(
          table, scores,
          {.limit = limit, .asks_model = asks_model(kind), .combine = combine, .combination = whole.combination});
      CHECK(run.exit_stage == simulated.exit_stage);
      AccuracyCount accuracy;
      accuracy.add(run.answer, dataset.labels());
      CHECK(accuracy.top1() == simulated.top1);
      double mmac = 0;
      for (const int exit : run.exit_stage) mmac += model.macs_through(exit) / 1e6 / images;
      CHECK(simulated.mmac_per_image == doctest::Approx(mmac));
    }
  }
}

TEST_CASE("policies that see the combined answer decide on a table as in the executor, and need the weights") {
  const Model model = random_model(
      {make_network("resnet-8", shape, 7), make_network("wrn-10-2", shape, 7), make_network("resnet-14", shape, 7)}, 26,
      PolicyInput::combined);
  const CascadeTable table = table_of(model);
  const CascadeResult run = CascadeExecutor(model, std::vector<Device>(3, testing::test_device()), {.max_batch = 16})
                                .classify(noise_pixels());
  const Simulation simulated =
      simulate(table, scores_of(table, *make_score(PolicyKind::learned)),
               {.asks_model = true, .combine = Combine::fitted, .combination = model.combination});
  CHECK(run.exit_stage == simulated.exit_stage);
  const std::set<int> exits(run.exit_stage.begin(), run.exit_stage.end());
  CHECK(exits == std::set<int>{0, 1, 2});
  AccuracyCount accuracy;
  accuracy.add(run.answer, noise().labels());
  CHECK(accuracy.top1() == simulated.top1);
  CascadeTable unweighted = table;
  unweighted.combination.clear();
  CHECK_THROWS_AS(with_policies(unweighted, model.policies, testing::test_device()), UsageError);
  CHECK_THROWS_AS(with_combined_answers(unweighted), UsageError);
}

TEST_CASE("a table with combined answers holds the product of the stages' own to the power of the weights") {
  CascadeTable table = tiny();
  table.combination = {0.5, 0, 0.25, 2};
  const CascadeTable combined = with_combined_answers(table);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto a = table.probabilities.row(0, i), b = table.probabilities.row(1, i);
    const double first0 = std::sqrt(a[0]), first1 = std::sqrt(a[1]);
    const double both0 = std::pow(a[0], 0.25) * b[0] * b[0], both1 = std::pow(a[1], 0.25) * b[1] * b[1];
    CHECK(combined.probabilities.row(0, i)[0] == doctest::Approx(first0 / (first0 + first1)));
    CHECK(combined.probabilities.row(1, i)[1] == doctest::Approx(both1 / (both0 + both1)));
  }
}

TEST_CASE("policies that see features decide on a table as in the executor, and need the features") {
  const Model model = random_model(
      {make_network("resnet-8", shape, 7), make_network("wrn-10-2", shape, 7), make_network("resnet-14", shape, 7)}, 12,
      PolicyInput::features);
  const CascadeTable table = table_of(model);
  REQUIRE(table.features.size() == 3);
  CHECK(table.features[1].size() == images * 128);
  CHECK(table.policy_mmac == std::vector<double>{8 * (7 + 64 + 8 + 2) / 1e6, 8 * (7 + 128 + 8 + 2) / 1e6});
  std::vector<std::uint8_t> pixels(images * 192);
  const MemoryDataset dataset = noise();
  dataset.read(all_indices(images), pixels.data());
  const CascadeResult run =
      CascadeExecutor(model, std::vector<Device>(3, testing::test_device()), {.max_batch = 16}).classify(pixels);
  const Simulation simulated =
      simulate(table, scores_of(table, *make_score(PolicyKind::learned)), {.asks_model = true});
  CHECK(run.exit_stage == simulated.exit_stage);
  CHECK(std::set<int>(run.exit_stage.begin(), run.exit_stage.end()).size() > 1);
  CascadeTable blind = table;
  blind.features.clear();
  CHECK_THROWS_AS(with_policies(blind, model.policies, testing::test_device()), UsageError);
}

TEST_CASE("a simulation of four images is what one counts by hand") {
  const CascadeTable table = tiny();
  const std::vector<double> scores = scores_of(table, *make_score(PolicyKind::confidence));
  const Simulation result = simulate(table, scores, {.limit = 0.65});
  CHECK(result.exit_stage == std::vector<int>{0, 1, 0, 1});
  CHECK(result.stopped == std::vector<std::int64_t>{2, 2});
  CHECK(result.top1 == 0.75);
  CHECK(result.mmac_per_image == doctest::Approx((1 + 4 + 1 + 4) / 4.0));
  CHECK(result.mac_fraction == doctest::Approx(2.5 / 3));
  CHECK_FALSE(result.top5);
  const Simulation alone = simulate_static(table, 1);
  CHECK(alone.top1 == 1);
  CHECK(alone.mmac_per_image == 3);
}

TEST_CASE("a budget is met as closely as a threshold can, and an unreachable one names the nearest") {
  const CascadeTable table = tiny();
  const std::vector<double> scores = scores_of(table, *make_score(PolicyKind::confidence));
  const StageCosts ms{{1, 2}};
  using Kind = Goal::Kind;
  const Budget half = find_budget(table, scores, ms, {Kind::cost, 2.2}, {}, "ms");
  CHECK(half.cost == 2);  // two of four stop: 1 + 1 + 3 + 3
  CHECK(half.simulation.stopped == std::vector<std::int64_t>{2, 2});
  CHECK(find_budget(table, scores, ms, {Kind::cost, 100}, {}, "ms").simulation.stopped[0] == 0);
  const Budget accurate = find_budget(table, scores, ms, {Kind::drop, 25}, {}, "points");
  CHECK(accurate.simulation.top1 >= 0.75);
  CHECK(accurate.simulation.stopped == std::vector<std::int64_t>{2, 2});
  const auto message = [&](Goal target) {
    try {
      find_budget(table, scores, ms, target, {}, "units");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(contains(message({Kind::cost, 0.5}), "the nearest is 1"));
  CHECK(contains(message({Kind::drop, -5}), "the nearest is 0"));
}

TEST_CASE("the nearest that an unreachable budget names can be reached") {
  const CascadeTable table = tiny();
  const std::vector<double> scores = scores_of(table, *make_score(PolicyKind::confidence));
  CHECK(rc::check([&] {
    const double first = std::exp(*rc::gen::inRange(-10000, 10000) / 1e3);
    const StageCosts costs{{first, 2 * first}};
    double nearest = 0;
    try {
      find_budget(table, scores, costs, {Goal::Kind::cost, first / 2}, {}, "mJ");
      RC_FAIL("half of what the first stage costs was reached");
    } catch (const Error& error) {
      const std::string text = error.what(), before = "nearest is ";
      nearest = std::stod(text.substr(text.find(before) + before.size()));
    }
    RC_ASSERT(nearest <= first * (1 + 1e-5));
    const Budget reached = find_budget(table, scores, costs, {Goal::Kind::cost, nearest}, {}, "mJ");
    RC_ASSERT(reached.simulation.stopped[0] == 4);
  }));
}

TEST_CASE("budgets are kept, and a larger one never costs less") {
  const CascadeTable table = table_of(three_stages());
  const std::vector<double> scores = scores_of(table, *make_score(PolicyKind::margin));
  const StageCosts costs = mac_costs(table);
  const double low = costs.stages[0];
  CHECK(rc::check([&] {
    const double a = low * (1 + *rc::gen::inRange(0, 1000) / 100.0), b = a * (1 + *rc::gen::inRange(0, 100) / 100.0);
    const auto cost = [&](double target) {
      return find_budget(table, scores, costs, {Goal::Kind::cost, target}, {}, "MMAC").cost;
    };
    RC_ASSERT(cost(a) <= a);
    RC_ASSERT(cost(a) <= cost(b));
  }));
}

TEST_CASE("thresholds spread over the costs are ascending and differ") {
  const CascadeTable table = table_of(three_stages());
  const std::vector<double> scores = scores_of(table, *make_score(PolicyKind::entropy));
  const std::vector<double> limits = spread_limits(table, scores, 6, false);
  REQUIRE(limits.size() == 6);
  for (std::size_t i = 1; i < 6; ++i) {
    CHECK(limits[i - 1] < limits[i]);
    CHECK(mmac_at(table, scores, limits[i - 1], false) < mmac_at(table, scores, limits[i], false));
  }
}

TEST_CASE("policies are compared at the learned one's cost") {
  const Model model = three_stages();
  const auto compared = compare_policies(model, table_of(model), testing::test_device(), Combine::fitted);
  REQUIRE(compared.size() == 10 + 3 + 1);  // with a threshold, static, oracle
  CHECK(compared.front().choice.kind == PolicyKind::learned);
  const double mmac = compared.front().simulation.mmac_per_image;
  double best = 0;
  for (const ComparedPolicy& of : compared) {
    best = std::max(best, of.simulation.top1);
    const bool lowest = of.simulation.stopped[0] == static_cast<std::int64_t>(images);
    if (has_threshold(of.choice.kind)) CHECK((of.simulation.mmac_per_image <= mmac + 1e-9 || lowest));
  }
  CHECK(compared.back().choice.kind == PolicyKind::oracle);
  CHECK(compared.back().simulation.top1 == best);
}

TEST_CASE("tables are kept for the model and data they were made from, and a spoiled file is none") {
  const TemporaryFolder folder;
  const Model model = three_stages();
  CascadeTable table = table_of(model);
  write_tables(folder / "t.h5", "key", {table, tiny()});
  const auto read = read_tables(folder / "t.h5", "key", 2);
  REQUIRE(read);
  CHECK((*read)[0].probabilities.values == table.probabilities.values);
  CHECK((*read)[0].labels == table.labels);
  CHECK((*read)[0].network_mmac == table.network_mmac);
  CHECK((*read)[1].numbers == tiny().numbers);
  CHECK_FALSE(read_tables(folder / "t.h5", "other", 2));
  CHECK_FALSE(read_tables(folder / "t.h5", "key", 3));
  CHECK_FALSE(read_tables(folder / "missing.h5", "key", 2));
  std::filesystem::resize_file(folder / "t.h5", 300);
  CHECK_FALSE(read_tables(folder / "t.h5", "key", 2));

  Model other = model;
  other.stages[1].parameters.begin()->second[0] += 1;
  CHECK(fingerprint(model) == fingerprint(three_stages()));
  CHECK(fingerprint(model) != fingerprint(other));
  other = model;
  other.temperatures = {1, 1, 2};
  CHECK(fingerprint(model) != fingerprint(other));
  other = model;
  other.policies.clear();
  CHECK(fingerprint(model) == fingerprint(other));
}

}  // namespace
}  // namespace cascadecl
