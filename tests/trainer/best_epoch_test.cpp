#include "trainer/best_epoch.h"

#include <doctest/doctest.h>

#include <vector>

namespace cascadecl {
namespace {

std::vector<EpochRecord> epochs(const std::vector<double>& accuracies) {
  std::vector<EpochRecord> records;
  for (const double accuracy : accuracies) {
    records.push_back({.phase = "pretrain", .epoch = static_cast<int>(records.size()) + 1});
    records.back().validation_accuracy = accuracy;
  }
  return records;
}

}  // namespace

TEST_CASE("the best epoch is the first one of the best held-out accuracy") {
  CHECK(best_epoch(epochs({0.2, 0.5, 0.4})) == 2);
  CHECK(best_epoch(epochs({0.5, 0.5, 0.4, 0.5})) == 1);
  CHECK(best_epoch(epochs({0, 0})) == 1);
  CHECK(best_epoch({}) == 0);
  CHECK(best_epoch(std::vector<EpochRecord>(2)) == 0);  // nothing was held out
  std::vector<EpochRecord> some = epochs({0.9, 0.2, 0.3});
  some[0].validation_accuracy.reset();
  CHECK(best_epoch(some) == 3);
}

TEST_CASE("a stage ends after all epochs, or when the best lies as many epochs behind as its patience") {
  CHECK_FALSE(ends_after({}, 1, 1));
  CHECK(ends_after({}, 0, 0));
  CHECK_FALSE(ends_after(epochs({0.5, 0.4, 0.3}), 4, 0));
  CHECK(ends_after(epochs({0.5, 0.4, 0.3, 0.2}), 4, 0));
  CHECK_FALSE(ends_after(epochs({0.5, 0.4}), 4, 2));
  CHECK(ends_after(epochs({0.5, 0.4, 0.3}), 4, 2));
  CHECK(ends_after(epochs({0.5, 0.5, 0.5}), 4, 2));  // equal is not better
  CHECK_FALSE(ends_after(epochs({0.5, 0.4, 0.6}), 4, 2));
  CHECK(ends_after(epochs({0.5, 0.4}), 4, 1));
}

}  // namespace cascadecl
