#include "runtime/study/runs/profile_comparison.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

namespace {

using Values = std::vector<double>;

std::string workload(const std::string& name, const Values& ms, const std::string& mj = "null") {
  return fmt::format(R"({{"name": "{}", "windows_ms_per_image": [{}], "windows_mj_per_image": {}}})", name,
                     fmt::join(ms, ","), mj);
}

ProfileWindows profile(const std::string& workloads, const std::string& more = R"("batch_size": 128)") {
  return parse_profile(
      fmt::format(R"({{"format": "cascadecl-profile", "format_version": 1, {}, "workloads": [{}]}})", more, workloads),
      "A.json");
}

}  // namespace

TEST_CASE("compare_profiles finds what differs beyond noise, and only that") {
  const Values base = {10, 10.1, 9.9, 10.05, 9.95}, slower = {12, 12.1, 11.9, 12.05, 11.95},
               alike = {10.02, 10.08, 9.93, 10.01, 9.97};
  const ProfileComparison comparison =
      compare_profiles(profile(workload("cascade", base) + "," + workload("x", base)),
                       profile(workload("cascade", slower) + "," + workload("x", alike)));
  REQUIRE(comparison.quantities.size() == 2);
  const ComparedQuantity& cascade = comparison.quantities[0];
  CHECK(cascade.workload == "cascade");
  CHECK(cascade.quantity == "ms_per_image");
  CHECK(cascade.difference.mean == doctest::Approx(2));
  CHECK(*cascade.change() == doctest::Approx(0.2));
  CHECK(*cascade.significant);
  CHECK_FALSE(*comparison.quantities[1].significant);
  CHECK(comparison.settings_that_differ.empty());
}

TEST_CASE("compare_profiles corrects for the number of comparisons") {
  // p = 0.0200 alone, which is below 5 % for one comparison and above it for three.
  const Values a = {10, 11, 12, 13, 14}, b = {13, 15, 17, 19, 21};
  const auto significant = [&](int others) {
    std::string left = workload("w", a), right = workload("w", b);
    for (int i = 0; i < others; ++i) {
      left += "," + workload(std::to_string(i), a);
      right += "," + workload(std::to_string(i), a);
    }
    return *compare_profiles(profile(left), profile(right)).quantities[0].significant;
  };
  CHECK(significant(0));
  CHECK_FALSE(significant(2));
}

TEST_CASE("compare_profiles tells what is in one profile only, and which settings differ") {
  const ProfileComparison comparison =
      compare_profiles(profile(workload("cascade", {1, 2}, "[3, 4]") + "," + workload("alone 1", {1, 2})),
                       profile(workload("cascade", {1, 2}), R"("batch_size": 64)"));
  CHECK(comparison.not_compared ==
        std::vector<std::string>{"cascade, mj_per_image: only in A", "alone 1, ms_per_image: only in A"});
  CHECK(comparison.settings_that_differ == std::vector<std::string>{"batch_size: 128 and 64"});
  CHECK_THROWS_AS(compare_profiles(profile(workload("a", {1})), profile(workload("b", {1}))), UsageError);
}

TEST_CASE("compare_profiles of single windows gives no significance") {
  const ProfileComparison comparison = compare_profiles(profile(workload("a", {1})), profile(workload("a", {2})));
  CHECK(comparison.quantities[0].difference.mean == 1);
  CHECK_FALSE(comparison.quantities[0].significant);
}
