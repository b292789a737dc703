#include "runtime/statistics.h"

#include <doctest/doctest.h>

using namespace cascadecl;

// Expected values are from the density of Student's t, integrated numerically.

TEST_CASE("a sample has mean, median, variance and the 95 % interval of its mean") {
  const Sample sample{{4, 1, 3, 2, 10}};
  CHECK(sample.mean() == 4);
  CHECK(sample.median() == 3);
  CHECK(sample.variance() == 12.5);
  CHECK(*sample.ci95() == doctest::Approx(4.389946).epsilon(1e-6));  // 2.776445 * sqrt(12.5 / 5)
  CHECK(Sample{{1, 2, 3, 4}}.median() == 2.5);
}

TEST_CASE("a single value has no interval") {
  const Sample sample{{7}};
  CHECK(sample.mean() == 7);
  CHECK(sample.median() == 7);
  CHECK(sample.variance() == 0);
  CHECK_FALSE(sample.ci95());
}

TEST_CASE("outliers are values far outside the quartiles, in their order") {
  CHECK(Sample{{9, 10, 11, 10, 30, 9, 11, 10, -20, 10}}.outliers() == std::vector<std::size_t>{4, 8});
  CHECK(Sample{{1, 2, 3, 4, 5, 6}}.outliers().empty());
  CHECK(Sample{{1, 2, 100}}.outliers().empty());
}

TEST_CASE("welch gives the difference of means, its interval and the p value") {
  const Difference difference = welch({{10, 11, 12, 13, 14}}, {{13, 15, 17, 19, 21}});
  CHECK(difference.mean == 5);
  CHECK(*difference.p_value == doctest::Approx(0.020039).epsilon(1e-4));  // t = 3.162278, 5.882353 degrees of freedom
  CHECK(*difference.ci95 == doctest::Approx(3.887742).epsilon(1e-4));
  CHECK(*welch({{13, 15, 17, 19, 21}}, {{10, 11, 12, 13, 14}}).p_value == doctest::Approx(*difference.p_value));
}

TEST_CASE("welch of single values gives the difference alone, and copes with samples that do not vary") {
  CHECK(welch({{1}}, {{3, 4}}).mean == 2.5);
  CHECK_FALSE(welch({{1}}, {{3, 4}}).p_value);
  CHECK(*welch({{2, 2}}, {{2, 2}}).p_value == 1);
  CHECK(*welch({{2, 2}}, {{3, 3}}).p_value == 0);
}
