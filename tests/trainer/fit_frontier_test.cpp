#include "trainer/fit_frontier.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"

namespace cascadecl {
namespace {

// Three stages of 1, 3 and 9 MMAC on images of three kinds: the first stage is right on easy ones, the second also on
// middling ones, the last on nearly all; each is unsure where it is wrong.
CascadeTable three_kinds(std::size_t images, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> wobble(0, 0.08F);
  CascadeTable table{.probabilities = {3, images, 4, std::vector<float>(3 * images * 4)},
                     .network_mmac = {1, 3, 9},
                     .combination = own_answers(3)};
  for (std::size_t i = 0; i < images; ++i) {
    const auto label = static_cast<std::int32_t>(engine() % 4);
    const unsigned kind = i % 4 < 2 ? 0 : i % 4 == 2 ? 1 : 2;
    table.labels.push_back(label);
    table.numbers.push_back(static_cast<std::int64_t>(i));
    for (unsigned t = 0; t < 3; ++t) {
      const bool right = kind <= t;
      const float sure = (right ? 0.88F : 0.5F) + wobble(engine);
      const auto answer = static_cast<std::size_t>(right ? label : (label + 1) % 4);
      for (std::size_t c = 0; c < 4; ++c)
        table.probabilities.values[(t * images + i) * 4 + c] = c == answer ? sure : (1 - sure) / 3;
    }
  }
  return table;
}

FrontierSettings quick() {
  return {.alphas = {0.02, 0.2}, .phase = {.learning = {.epochs = 20, .hidden = 8}}, .thresholds = 8};
}

Frontier fitted() { return fit_frontier(three_kinds(240, 1), testing::test_device(), quick()); }

const StageCosts mmac{{1, 3, 9}, {}};

TEST_CASE("a frontier rises in cost and accuracy, and a cascade is on it") {
  const Frontier frontier = fitted();
  CHECK(frontier.images == 240);
  CHECK(frontier.stage_top1[0] == doctest::Approx(0.5));
  CHECK(frontier.stage_top1[2] == doctest::Approx(1.0));
  check_frontier(frontier, 3);
  for (std::size_t i = 1; i < frontier.points.size(); ++i) CHECK(frontier.points[i].top1 > frontier.points[i - 1].top1);
  // Easy images cost 1, middling ones 4, hard ones 13: 5.75 together.
  const FrontierPoint best = pick(frontier, {Goal::Kind::drop, 0.5}, mmac, "");
  CHECK(best.top1 > 0.99);
  CHECK(cost_of(best, mmac) < 6.2);
}

TEST_CASE("a larger budget never gives a less accurate point, and no point exceeds it") {
  const Frontier frontier = fitted();
  double last = 0;
  for (double budget = 1; budget < 12; budget += 0.25) {
    const FrontierPoint point = pick(frontier, {Goal::Kind::cost, budget}, mmac, "MMAC");
    CHECK(cost_of(point, mmac) <= budget);
    CHECK(point.top1 >= last);
    last = point.top1;
  }
  CHECK_THROWS_WITH_AS(pick(frontier, {Goal::Kind::cost, 0.5}, mmac, "MMAC"),
                       "target 0.5 MMAC: cannot be reached; the nearest is 1", Error);
  CHECK_THROWS_AS(pick({}, {Goal::Kind::cost, 1}, mmac, "MMAC"), UsageError);
}

TEST_CASE("where the cheapest stage is the best, nothing dearer is on the frontier") {
  CascadeTable table = three_kinds(120, 2);
  const std::size_t stage = table.probabilities.values.size() / 3;
  std::copy_n(table.probabilities.values.begin() + static_cast<std::ptrdiff_t>(2 * stage), stage,
              table.probabilities.values.begin());
  const Frontier frontier = fit_frontier(table, testing::test_device(), quick());
  REQUIRE(frontier.points.size() == 1);
  CHECK(frontier.points[0].policy.kind == PolicyKind::fixed);
  CHECK(frontier.policies.empty());
}

TEST_CASE("what a frontier promises holds on other images") {
  const CascadeTable seen = three_kinds(400, 3), other = three_kinds(4000, 4);
  const Frontier frontier = fit_frontier(seen, testing::test_device(), quick());
  for (const FrontierPoint& point : frontier.points) {
    if (!point.set) continue;
    const CascadeTable asked = with_policies(other, frontier.policies[*point.set], testing::test_device());
    const Simulation run = simulate(asked, scores_of(asked, *make_score(PolicyKind::learned)),
                                    {.limit = *point.policy.parameter,
                                     .asks_model = true,
                                     .combine = point.combine,
                                     .combination = seen.combination});
    CHECK(run.top1 > point.top1 - 0.04);  // it may be better: judging policies may stop no image just there
    double exits = 0;
    for (std::size_t k = 0; k < 3; ++k) exits += std::abs(static_cast<double>(run.stopped[k]) / 4000 - point.exits[k]);
    CHECK(exits < 0.1);
  }
}

TEST_CASE("the fit of a frontier can be stopped, and needs stages and images") {
  CHECK(fit_frontier(three_kinds(40, 1), testing::test_device(), quick(), [] { return true; }).empty());
  CHECK_THROWS_AS(fit_frontier(three_kinds(1, 1), testing::test_device(), quick()), UsageError);
}

}  // namespace
}  // namespace cascadecl
