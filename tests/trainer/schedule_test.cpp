#include "trainer/schedule.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace cascadecl {

TEST_CASE("step schedule divides by ten at half and at three quarters") {
  const StepSchedule schedule{.rate = 0.1};
  CHECK(schedule.rate_at(0) == doctest::Approx(0.1));
  CHECK(schedule.rate_at(0.4999) == doctest::Approx(0.1));
  CHECK(schedule.rate_at(0.5) == doctest::Approx(0.01));
  CHECK(schedule.rate_at(0.75) == doctest::Approx(0.001));
  CHECK(schedule.rate_at(1) == doctest::Approx(0.001));
}

TEST_CASE("one cycle rises to its largest rate and falls to its end") {
  for (const auto shape : {OneCycleSchedule::WarmUp::linear, OneCycleSchedule::WarmUp::cosine}) {
    const OneCycleSchedule schedule{.max_rate = 0.4, .warm_up = 0.25, .shape = shape};
    CHECK(schedule.rate_at(0) == doctest::Approx(0.4 * 0.04));
    CHECK(schedule.rate_at(0.125) == doctest::Approx(0.4 * 0.52));
    CHECK(schedule.rate_at(0.25) == doctest::Approx(0.4));
    CHECK(schedule.rate_at(0.625) == doctest::Approx(0.4 * (1 + 1e-4) / 2));
    CHECK(schedule.rate_at(1) == doctest::Approx(0.4 * 1e-4));
  }
}

TEST_CASE("one cycle without warm-up starts at its largest rate, with nothing but warm-up it ends there") {
  CHECK(OneCycleSchedule{.max_rate = 0.3, .warm_up = 0}.rate_at(0) == doctest::Approx(0.3));
  CHECK(OneCycleSchedule{.max_rate = 0.3, .warm_up = 1}.rate_at(1) == doctest::Approx(0.3));
}

TEST_CASE("one cycle stays between zero and its largest rate") {
  CHECK(rc::check([] {
    const OneCycleSchedule schedule{.max_rate = 0.4, .warm_up = *rc::gen::inRange(0, 101) / 100.0};
    const double rate = schedule.rate_at(*rc::gen::inRange(-10, 1011) / 1000.0);
    RC_ASSERT(rate > 0 && rate <= 0.4 * (1 + 1e-12));
  }));
}

TEST_CASE("the policy's rate falls by a tenth every four epochs") {
  CHECK(policy_learning_rate(0.1, 0) == doctest::Approx(0.1));
  CHECK(policy_learning_rate(0.1, 3) == doctest::Approx(0.1));
  CHECK(policy_learning_rate(0.1, 4) == doctest::Approx(0.09));
  CHECK(policy_learning_rate(0.1, 8) == doctest::Approx(0.081));
}

TEST_CASE("linear decay reaches zero at its end and stays there") {
  CHECK(linear_decay(0.05, 0) == doctest::Approx(0.05));
  CHECK(linear_decay(0.05, 0.4) == doctest::Approx(0.025));
  CHECK(linear_decay(0.05, 0.8) == doctest::Approx(0));
  CHECK(linear_decay(0.05, 1) == 0);
  CHECK(linear_decay(0.05, 0.5, 0) == 0);
}

}  // namespace cascadecl
