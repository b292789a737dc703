#include "trainer/exit_functions.h"

#include <doctest/doctest.h>

#include <random>

#include "data/files/error.h"
#include "runtime/study/tradeoff/budget.h"
#include "tests/support/device_test.h"
#include "trainer/calibrate.h"
#include "trainer/held_out.h"
#include "trainer/sweep.h"

namespace cascadecl {
namespace {

// Two stages, two classes, all labels 0: the first stage is sure and right, or unsure and wrong half the time; the
// second is always right.
CascadeTable easy_and_hard(std::size_t images) {
  std::mt19937 engine(3);
  CascadeTable table{.probabilities = {2, images, 2, {}}, .network_mmac = {1, 4}, .combination = own_answers(2)};
  for (std::size_t i = 0; i < images; ++i) {
    const float wobble = 0.05F * static_cast<float>(engine() % 100) / 100;
    const float own = i % 2 == 0 ? 0.94F + wobble : engine() % 2 ? 0.57F + wobble : 0.43F - wobble;
    table.probabilities.values.insert(table.probabilities.values.end(), {own, 1 - own});
    table.labels.push_back(0);
    table.numbers.push_back(static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < images; ++i)
    table.probabilities.values.insert(table.probabilities.values.end(), {0.99F, 0.01F});
  return table;
}

Simulation under(const CascadeTable& table, const std::vector<Policy>& policies) {
  const CascadeTable asked = with_policies(table, policies, testing::test_device());
  return simulate(asked, scores_of(asked, *make_score(PolicyKind::ann)), {.limit = 0.5, .asks_model = true});
}

TEST_CASE("exit functions stop the sure images and pass on the others, as their price says") {
  const CascadeTable table = easy_and_hard(400);
  PolicyPhaseSettings settings{.learning = {.epochs = 20, .alpha = 0.1, .hidden = 16}};
  const Simulation fair = under(table, fit_exit_functions(table, testing::test_device(), settings));
  CHECK(fair.top1 > 0.98);
  CHECK(fair.stopped[0] > 190);  // the 200 sure ones
  CHECK(fair.stopped[0] < 210);
  settings.learning.alpha = 10;  // nothing is worth going on
  CHECK(under(table, fit_exit_functions(table, testing::test_device(), settings)).stopped[0] == 400);
}

// Two stages that are both wrong, whose product is right.
CascadeTable right_together(std::size_t images) {
  CascadeTable table{.probabilities = {2, images, 3, {}}, .network_mmac = {1, 4}, .combination = {1, 0, 1, 1}};
  for (const std::vector<float>& row : {std::vector<float>{0.4F, 0.45F, 0.15F}, {0.4F, 0.15F, 0.45F}})
    for (std::size_t i = 0; i < images; ++i)
      table.probabilities.values.insert(table.probabilities.values.end(), row.begin(), row.end());
  for (std::size_t i = 0; i < images; ++i) table.numbers.push_back(static_cast<std::int64_t>(i));
  table.labels.assign(images, 0);
  return table;
}

TEST_CASE("policies go on for a stage that is right together with those before, if they see the combined answer") {
  const CascadeTable table = right_together(200);
  for (const PolicyInput input : {PolicyInput::combined, PolicyInput::sorted}) {
    CAPTURE(to_string(input));
    const bool goes_on = input == PolicyInput::combined;
    for (const EstimatorKind estimator : {EstimatorKind::reinforce, EstimatorKind::exact}) {
      const PolicyPhaseSettings settings{
          .learning = {.epochs = 30, .estimator = estimator, .alpha = 0.1, .input = input, .hidden = 8}};
      const Simulation learned = under(table, fit_policies(table, testing::test_device(), settings));
      CHECK(learned.stopped[1] == (goes_on ? 200 : 0));
    }
    const PolicyPhaseSettings settings{.learning = {.epochs = 30, .alpha = 0.1, .input = input, .hidden = 8}};
    CHECK(under(table, fit_exit_functions(table, testing::test_device(), settings)).stopped[1] == (goes_on ? 200 : 0));
  }
}

TEST_CASE("the same settings and seed give the same exit functions") {
  const CascadeTable table = easy_and_hard(100);
  const PolicyPhaseSettings settings{.learning = {.epochs = 3, .hidden = 8}, .seed = 4};
  const auto fit = [&](PolicyPhaseSettings s) { return fit_exit_functions(table, testing::test_device(), s)[0]; };
  CHECK(fit(settings).weight1 == fit(settings).weight1);
  PolicyPhaseSettings other = settings;
  other.seed = 5;
  CHECK(fit(settings).weight1 != fit(other).weight1);
  CascadeTable single;
  single.probabilities = {1, 1, 2, {1, 0}};
  single.labels = {0};
  single.network_mmac = {1};
  CHECK_THROWS_AS(fit_exit_functions(single, testing::test_device(), settings), UsageError);
}

TEST_CASE("a sweep's work is in order, and nothing to do is refused") {
  SweepSettings settings{.policies = {PolicyKind::fixed, PolicyKind::learned, PolicyKind::margin, PolicyKind::oracle},
                         .alphas = {0.1, 0.2},
                         .seeds = 2,
                         .thresholds = 3,
                         .combines = {Combine::last}};
  const std::vector<SweepTask> tasks = sweep_tasks(settings, 3);
  REQUIRE(tasks.size() == 3 + 4 + 3 + 1);
  CHECK(tasks[2] == SweepTask{.policy = PolicyKind::fixed, .index = 2});
  CHECK(tasks[6] == SweepTask{.policy = PolicyKind::learned, .alpha = 0.2, .seed = 2});
  settings.alphas.clear();
  CHECK_THROWS_AS(sweep_tasks(settings, 3), UsageError);
  settings.policies.clear();
  CHECK_THROWS_AS(sweep_tasks(settings, 3), UsageError);
}

TEST_CASE("thresholds are chosen on held-out images and judged on test images") {
  SweepTables tables{easy_and_hard(200), easy_and_hard(50)};
  const SweepSettings settings{.thresholds = 4, .combines = {Combine::reweight, Combine::last}};
  const auto points =
      run_task({.policy = PolicyKind::confidence, .index = 1}, settings, testing::test_device(), tables);
  REQUIRE(points.size() == 1);  // reweight is last without stop probabilities
  CHECK(points[0].combine == Combine::last);
  const std::vector<double> scores = scores_of(tables.held_out, *make_score(PolicyKind::confidence));
  CHECK(points[0].parameter == spread_limits(tables.held_out, scores, 4, false)[1]);
  std::int64_t stopped = 0;
  for (const std::int64_t count : points[0].simulation.stopped) stopped += count;
  CHECK(stopped == 50);
}

TEST_CASE("held-out images are those of the training that the model tells of") {
  const DatasetHeader header{.name = "set", .dims = {1, 1, 1}, .label_names = {"a", "b"}, .mean = {0}, .std = {1}};
  std::vector<std::int32_t> labels(20);
  for (std::size_t i = 0; i < 20; ++i) labels[i] = static_cast<std::int32_t>(i % 2);
  const MemoryDataset data(header, std::vector<std::uint8_t>(20), labels);
  Model model;
  CHECK_THROWS_AS(held_out_images(model, data), UsageError);
  model.training = R"({"settings": {"validation_share": 0.3, "seed": 7, "data": "set", "images": 20}})";
  CHECK(held_out_images(model, data) == split_validation(labels, 0.3, 7).held_out);
  model.training = R"({"settings": {"validation_share": 0.3, "seed": 7, "data": "set", "images": 20, "labels": ")" +
                   fingerprint(data.labels()) + "\"}}";
  CHECK(held_out_images(model, data) == split_validation(labels, 0.3, 7).held_out);
  std::swap(labels[0], labels[1]);
  CHECK_THROWS_AS(held_out_images(model, MemoryDataset(header, std::vector<std::uint8_t>(20), labels)), UsageError);
  model.training = R"({"settings": {"validation_share": 0.3, "seed": 7, "data": "other", "images": 20}})";
  CHECK_THROWS_AS(held_out_images(model, data), UsageError);
  model.training = R"({"settings": {"validation_share": 0, "seed": 7, "data": "set", "images": 20}})";
  CHECK_THROWS_AS(held_out_images(model, data), UsageError);
}

}  // namespace
}  // namespace cascadecl
