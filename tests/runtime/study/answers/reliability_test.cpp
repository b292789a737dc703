#include "runtime/study/answers/reliability.h"

#include <doctest/doctest.h>

#include "data/files/error.h"

namespace cascadecl {
namespace {

TEST_CASE("the calibration error is the gap of each bin, weighted by its images") {
  // Two classes, two bins: one image at 0.6 that is wrong is alone in no bin; all are at least 0.5.
  const std::vector<float> probabilities{0.6F, 0.4F, 0.3F, 0.7F, 0.9F, 0.1F, 0.0F, 1.0F};
  const std::vector<std::int32_t> labels{1, 1, 0, 1};
  const Reliability result = reliability(probabilities, labels, 5);
  REQUIRE(result.bins.size() == 5);
  CHECK(result.bins[2].images == 0);
  CHECK_FALSE(result.bins[2].accuracy.has_value());
  CHECK(result.bins[3].images == 2);  // 0.6 wrong, 0.7 right
  CHECK(*result.bins[3].confidence == doctest::Approx(0.65));
  CHECK(*result.bins[3].accuracy == doctest::Approx(0.5));
  CHECK(result.bins[4].images == 2);  // 0.9 and 1, both right
  CHECK(*result.bins[4].accuracy == doctest::Approx(1));
  CHECK(result.expected_calibration_error == doctest::Approx(0.5 * 0.15 + 0.5 * 0.05));
  CHECK(result.largest_calibration_error == doctest::Approx(0.15));
  CHECK(result.mean_confidence == doctest::Approx(0.8));
  CHECK(result.top1 == doctest::Approx(0.75));
}

TEST_CASE("the calibration error is that of bins counted by hand, with the upper edge in the bin") {
  // Largest probabilities 0.55 (wrong), 0.95 (right), 0.85 (right), 0.5 (right), in bins of a tenth.
  const std::vector<float> rows = {0.55F, 0.45F, 0.05F, 0.95F, 0.85F, 0.15F, 0.5F, 0.5F};
  const std::vector<std::int32_t> labels = {1, 1, 0, 0};
  const Reliability tenths = reliability(rows, labels, 10);
  CHECK(tenths.expected_calibration_error == doctest::Approx((0.55 + 0.05 + 0.15 + 0.5) / 4));
  CHECK(tenths.bins[4].images == 1);  // 0.5
  CHECK(tenths.bins[5].images == 1);  // 0.55
  // In one bin: accuracy 3/4 against a mean of 0.7125.
  CHECK(reliability(rows, labels, 1).expected_calibration_error == doctest::Approx(0.75 - 0.7125));
}

TEST_CASE("a classifier that is always sure and always right is calibrated") {
  const std::vector<float> probabilities{1, 0, 0, 1};
  const std::vector<std::int32_t> labels{0, 1};
  CHECK(reliability(probabilities, labels).expected_calibration_error == 0);
}

TEST_CASE("reliability refuses sizes and labels that do not fit") {
  const std::vector<float> probabilities{1, 0};
  CHECK_THROWS_AS(reliability(probabilities, std::vector<std::int32_t>{}), ShapeError);
  CHECK_THROWS_AS(reliability(probabilities, std::vector<std::int32_t>{0, 1, 0}), ShapeError);
  CHECK_THROWS_AS(reliability(probabilities, std::vector<std::int32_t>{2}), UsageError);
  CHECK_THROWS_AS(reliability(probabilities, std::vector<std::int32_t>{0}, 0), UsageError);
}

}  // namespace
}  // namespace cascadecl
