#include <doctest/doctest.h>

#include <cmath>

#include "data/files/error.h"
#include "runtime/cascade/policies/stopping_policy.h"

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

double score(PolicyKind kind, std::size_t stage) { return make_policy(kind, 3)->score(visit(stage)); }

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
  CHECK(score(PolicyKind::oracle, 0) == 0);
  CHECK(score(PolicyKind::oracle, 1) == 1);
}

TEST_CASE("the random policy stops its share of images, fixed by seed, image and stage") {
  const auto policy = make_policy(PolicyKind::random, 3);
  int stopped = 0;
  for (std::uint64_t image = 0; image < 10000; ++image) {
    const double score = policy->score({.stage = 1, .image = image});
    CHECK(score >= 0);
    CHECK(score < 1);
    stopped += score >= policy->limit_of(0.3);
  }
  CHECK(stopped == doctest::Approx(3000).epsilon(0.05));  // three standard deviations are 137
  CHECK(policy->score(visit(0)) == make_policy(PolicyKind::random, 3)->score(visit(0)));
  CHECK(policy->score(visit(0)) != make_policy(PolicyKind::random, 4)->score(visit(0)));
  CHECK(policy->score(visit(0)) != policy->score(visit(1)));
}

TEST_CASE("a policy's parameter and its limit are two names of one thing") {
  for (const PolicyKind kind : policy_kinds()) {
    const auto policy = make_policy(kind);
    CHECK(policy->parameter_of(policy->limit_of(0.25)) == 0.25);
  }
  // Low entropy is what stops.
  CHECK(make_policy(PolicyKind::entropy)->limit_of(0.5) == -0.5);
}

TEST_CASE("the oracle without a label is an error") {
  Visit unlabelled = visit(0);
  unlabelled.label.reset();
  CHECK_THROWS_AS(make_policy(PolicyKind::oracle)->score(unlabelled), UsageError);
}

TEST_CASE("policy choices are read by name and parameter, and bad ones are refused") {
  CHECK(parse_policy_choice("learned").parameter == 0.5);
  CHECK(parse_policy_choice("agreement").parameter == 1);
  CHECK_FALSE(parse_policy_choice("static").parameter);
  const PolicyChoice choice = parse_policy_choice("confidence:0.8");
  CHECK(choice.kind == PolicyKind::confidence);
  CHECK(choice.parameter == 0.8);
  CHECK(to_string(choice) == "confidence:0.8");
  for (const PolicyKind kind : policy_kinds()) CHECK(parse_policy_kind(to_string(kind)) == kind);
  for (const char* bad : {"", "certainty", "confidence", "confidence:", "confidence:1.5", "margin:x", "entropy:-1",
                          "agreement:0", "agreement:1.5", "static:0.5", "random:nan", "confidence:0.8x"})
    CHECK_THROWS_AS(parse_policy_choice(bad), UsageError);
}

}  // namespace
}  // namespace cascadecl
