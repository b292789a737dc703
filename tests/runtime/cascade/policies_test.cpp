#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

const std::vector<float> first = {0.5F, 0.25F, 0.125F, 0.125F}, second = {0.0F, 0.75F, 0.25F, 0.0F},
                         third = {0.125F, 0.5F, 0.25F, 0.125F};

Visit visit(std::size_t stage) {
  Visit visit{.stage = stage, .image = 7, .stop_probability = 0.375, .label = 1};
  for (const auto* row : {&first, &second, &third})
    if (visit.probabilities.size() <= stage) visit.probabilities.emplace_back(*row);
  return visit;
}

double score(PolicyKind kind, std::size_t stage) { return make_score(kind, {3})->of(visit(stage)); }

TEST_CASE("each policy scores a visit as its formula says") {
  CHECK(score(PolicyKind::learned, 0) == 0.375);
  CHECK(score(PolicyKind::ann, 0) == 0.375);
  CHECK(score(PolicyKind::fixed, 2) == 2);
  CHECK(score(PolicyKind::confidence, 0) == 0.5);
  CHECK(score(PolicyKind::confidence, 1) == 0.75);
  CHECK(score(PolicyKind::margin, 0) == 0.25);
  CHECK(score(PolicyKind::margin, 1) == 0.5);
  // H = 1/2 log 2 + 1/4 log 4 + 2/8 log 8; a probability of 0 adds nothing.
  CHECK(score(PolicyKind::entropy, 0) == doctest::Approx(-1.75 * std::log(2.0)));
  CHECK(score(PolicyKind::entropy, 1) == doctest::Approx(0.75 * std::log(0.75) + 0.25 * std::log(0.25)));
  CHECK(score(PolicyKind::agreement, 0) == 0);
  CHECK(score(PolicyKind::agreement, 1) == 0);  // class 0, then class 1
  CHECK(score(PolicyKind::agreement, 2) == 1);
  // The answer at stage 1 is proportional to sqrt(0.5 * 0), 0.25^0.5 * 0.75, 0.125^0.5 * 0.25, 0 with these weights.
  const CombinationWeights weights = {1, 0, 0.5, 1};
  const double a = 0.5 * 0.75, b = std::sqrt(0.125) * 0.25, p = a / (a + b), q = b / (a + b);
  const auto combined = [&](PolicyKind kind) { return make_score(kind, {0, weights})->of(visit(1)); };
  CHECK(combined(PolicyKind::combined_confidence) == doctest::Approx(p));
  CHECK(combined(PolicyKind::combined_margin) == doctest::Approx(p - q));
  CHECK(combined(PolicyKind::combined_entropy) == doctest::Approx(p * std::log(p) + q * std::log(q)));
  CHECK_THROWS_AS(make_score(PolicyKind::combined_margin), UsageError);
  CHECK(score(PolicyKind::oracle, 0) == 0);
  CHECK(score(PolicyKind::oracle, 1) == 1);
}

TEST_CASE("the random policy stops its share of images, fixed by seed, image and stage") {
  const auto random = make_score(PolicyKind::random, {3});
  int stopped = 0;
  for (std::uint64_t image = 0; image < 10000; ++image) {
    const double score = random->of({.stage = 1, .image = image});
    CHECK(score >= 0);
    CHECK(score < 1);
    stopped += score >= random->limit_of(0.3);
  }
  CHECK(stopped == doctest::Approx(3000).epsilon(0.05));  // three standard deviations are 137
  CHECK(random->of(visit(0)) == make_score(PolicyKind::random, {3})->of(visit(0)));
  CHECK(random->of(visit(0)) != make_score(PolicyKind::random, {4})->of(visit(0)));
  CHECK(random->of(visit(0)) != random->of(visit(1)));
}

TEST_CASE("a sampled stop has the model's probability, fixed by seed, image and stage") {
  const StoppingPolicy policy = make_policy({PolicyKind::sample}, {1});
  const auto stopped = [&](double probability, std::size_t stage) {
    std::vector<bool> images;
    for (std::uint64_t i = 0; i < 4000; ++i)
      images.push_back(stops(stage, 3, policy.limit, [&] {
        return policy.score->of({.stage = stage, .image = i, .stop_probability = probability});
      }));
    return images;
  };
  const auto count = [](const std::vector<bool>& images) { return std::ranges::count(images, true); };
  CHECK(count(stopped(0, 0)) == 0);
  CHECK(count(stopped(1, 0)) == 4000);
  CHECK(std::abs(static_cast<double>(count(stopped(0.25, 0))) / 4000 - 0.25) < 0.03);  // 4 standard deviations
  CHECK(stopped(0.25, 0) == stopped(0.25, 0));
  CHECK(stopped(0.25, 0) != stopped(0.25, 1));
  CHECK(count(stopped(0, 2)) == 4000);  // the last stage always stops
}

TEST_CASE("images stop where the score reaches the limit, and the last stage asks no score") {
  const auto score = [](double value) { return [value] { return value; }; };
  CHECK(stops(0, 2, 0.5, score(0.5)));
  CHECK_FALSE(stops(0, 2, 0.5, score(0.25)));
  CHECK(stops(1, 2, 0.5, []() -> double { throw UsageError("asked"); }));
}

TEST_CASE("a policy gets its limit from its parameter, or from its default") {
  CHECK(make_policy({PolicyKind::learned}).limit == 0.5);
  CHECK(make_policy({PolicyKind::learned, 0.7}).limit == static_cast<double>(0.7F));  // as the stop probability
  CHECK(make_policy({PolicyKind::confidence, 0.7}).limit == 0.7);
  CHECK(make_policy({PolicyKind::entropy, 0.7}).limit == -0.7);
  CHECK(make_policy({PolicyKind::fixed, 1}).limit == 1);
  CHECK(make_policy({PolicyKind::fixed}).limit > 1e6);  // the last stage
  CHECK_THROWS_AS(make_policy({PolicyKind::margin}), UsageError);
  for (const PolicyKind kind : policy_kinds())
    CHECK(make_policy({kind, kind == PolicyKind::sample ? std::optional<double>() : 0.5}, {0, {1}}).asks_model ==
          (kind == PolicyKind::learned || kind == PolicyKind::ann || kind == PolicyKind::sample));
  CHECK_THROWS_WITH_AS(make_policy({PolicyKind::sample, 0.5}), "policy sample: it takes no parameter", UsageError);
}

TEST_CASE("a policy's parameter and its limit are two names of one thing") {
  for (const PolicyKind kind : policy_kinds()) {
    const auto score = make_score(kind, {0, {1}});
    CHECK(score->parameter_of(score->limit_of(0.25)) == 0.25);
  }
  // Low entropy is what stops.
  CHECK(make_score(PolicyKind::entropy)->limit_of(0.5) == -0.5);
}

TEST_CASE("the oracle without a label is an error") {
  Visit unlabelled = visit(0);
  unlabelled.label.reset();
  CHECK_THROWS_AS(make_score(PolicyKind::oracle)->of(unlabelled), UsageError);
}

TEST_CASE("policy choices are read by name and parameter, and bad ones are refused") {
  CHECK(parse_policy_choice("learned").parameter == 0.5);
  CHECK(parse_policy_choice("agreement").parameter == 1);
  CHECK_FALSE(parse_policy_choice("static").parameter);
  CHECK(to_string(parse_policy_choice("sample")) == "sample");
  const PolicyChoice choice = parse_policy_choice("confidence:0.8");
  CHECK(choice.kind == PolicyKind::confidence);
  CHECK(choice.parameter == 0.8);
  CHECK(to_string(choice) == "confidence:0.8");
  CHECK(parse_policy_choice(to_string(PolicyChoice{PolicyKind::margin, 1.0 / 3})).parameter == 1.0 / 3);
  for (const PolicyKind kind : policy_kinds()) CHECK(parse_policy_kind(to_string(kind)) == kind);
  for (const char* bad :
       {"", "certainty", "confidence", "confidence:", "confidence:1.5", "margin:x", "entropy:-1", "agreement:0",
        "agreement:1.5", "static:0.5", "sample:0.5", "argmax", "random:nan", "confidence:0.8x"})
    CHECK_THROWS_AS(parse_policy_choice(bad), UsageError);
}

}  // namespace
}  // namespace cascadecl
