#include "runtime/study/answers/confusion.h"

#include <doctest/doctest.h>

#include "data/files/error.h"

namespace cascadecl {
namespace {

TEST_CASE("confusions count which classes were taken for which, and give precision and recall") {
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 1, 2};
  const std::vector<Confusion> pairs = confusions(std::vector<int>{0, 1, 1, 1, 1, 0}, labels);
  REQUIRE(pairs.size() == 4);  // 0 as 0, 0 as 1, 1 as 1, 2 as 0
  CHECK(pairs[1].label == 0);
  CHECK(pairs[1].answer == 1);
  CHECK(pairs[1].images == 2);
  const std::vector<ClassScore> scores = class_scores(pairs, 4);
  CHECK(*scores[0].precision() == 0.5);
  CHECK(*scores[0].recall() == doctest::Approx(1.0 / 3));
  CHECK(*scores[1].precision() == 0.5);
  CHECK(*scores[1].recall() == 1);
  CHECK_FALSE(scores[2].precision().has_value());  // never answered
  CHECK(*scores[2].recall() == 0);
  CHECK_FALSE(scores[3].recall().has_value());  // without an image
}

TEST_CASE("confusions refuse answers and labels that do not fit") {
  const std::vector<std::int32_t> labels{0, 3};
  CHECK_THROWS_AS(confusions(std::vector<int>{0}, labels), ShapeError);
  CHECK_THROWS_AS(class_scores(confusions(std::vector<int>{0, 0}, labels), 3), UsageError);
  CHECK_THROWS_AS(class_scores(confusions(std::vector<int>{0, -1}, labels), 4), UsageError);
}

}  // namespace
}  // namespace cascadecl
