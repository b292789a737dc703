#include "runtime/cascade/combine.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "data/files/error.h"

namespace cascadecl {
namespace {

const std::vector<float> first = {0.5F, 0.25F, 0.25F}, second = {0.125F, 0.75F, 0.125F};
const std::vector<std::span<const float>> rows = {first, second};

std::vector<float> combined(Combine rule, std::vector<float> stop, const CombinationWeights& weights = {}) {
  std::vector<float> answer(3);
  Combiner(rule, 2, weights)(rows, stop, answer);
  return answer;
}

TEST_CASE("the answer is the last stage's, the mean by stop probability or the pooled one") {
  CHECK(combined(Combine::last, {0.5F, 1}) == second);
  const std::vector<float> mean = combined(Combine::reweight, {0.25F, 1});
  for (std::size_t j = 0; j < 3; ++j) CHECK(mean[j] == doctest::Approx((0.25F * first[j] + second[j]) / 1.25F));
  CHECK(combined(Combine::reweight, {0, 0}) == second);  // no weights at all
  const std::vector<float> pooled = combined(Combine::fitted, {0, 1}, {1, 0, 0.5, 2});
  const auto product = [&](std::size_t j) {
    return std::sqrt(static_cast<double>(first[j])) * std::pow(static_cast<double>(second[j]), 2);
  };
  for (std::size_t j = 0; j < 3; ++j)
    CHECK(static_cast<double>(pooled[j]) == doctest::Approx(product(j) / (product(0) + product(1) + product(2))));
}

TEST_CASE("pooling with the weights 0 and 1 is the last answer, and certain stages do no harm") {
  const std::vector<float> last = combined(Combine::fitted, {}, {1, 0, 0, 1});
  for (std::size_t j = 0; j < 3; ++j) CHECK(last[j] == doctest::Approx(second[j]));
  const std::vector<float> sure = {1, 0, 0}, other = {0, 1, 0};
  std::vector<float> answer(3);
  Combiner(Combine::fitted, 2, {1, 0, 0.5, 0.5})(std::vector<std::span<const float>>{sure, other}, {}, answer);
  CHECK(answer[0] == doctest::Approx(answer[1]));
  CHECK(std::isfinite(answer[2]));
}

TEST_CASE("every rule's answer is a distribution") {
  CHECK(rc::check([] {
    const auto stop = *rc::gen::inRange(0, 101);
    CombinationWeights weights(4);
    for (double& weight : weights) weight = *rc::gen::inRange(-30, 31) / 10.0;
    for (const Combine rule : {Combine::reweight, Combine::last, Combine::fitted}) {
      float sum = 0;
      for (const float p : combined(rule, {static_cast<float>(stop) / 100, 1}, weights)) {
        RC_ASSERT(p >= 0);
        sum += p;
      }
      RC_ASSERT(std::abs(sum - 1) < 1e-5F);
    }
  }));
}

TEST_CASE("fitted weights that are missing or of another number are refused; names are read") {
  CHECK_THROWS_AS(Combiner(Combine::fitted, 2, {}), UsageError);
  CHECK_THROWS_AS(Combiner(Combine::fitted, 2, {1, 0, 0}), ShapeError);
  for (const Combine rule : {Combine::reweight, Combine::last, Combine::fitted})
    CHECK(parse_combine(to_string(rule)) == rule);
  CHECK_THROWS_AS(parse_combine("mean"), UsageError);
}

TEST_CASE("ranks: the first of equal probabilities wins, and NaN never does") {
  const std::vector<float> row = {0.2F, 0.4F, 0.4F, 0.0F};
  CHECK(rank_of(row, 1) == 0);
  CHECK(rank_of(row, 2) == 1);
  CHECK(rank_of(row, 0) == 2);
  CHECK(rank_of(row, 3) == 3);
  const std::vector<float> unknown(3, std::numeric_limits<float>::quiet_NaN());
  CHECK(rank_of(unknown, 0) == 3);
}

}  // namespace
}  // namespace cascadecl
