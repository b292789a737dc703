#include "runtime/ops/compact.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "data/files/error.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

std::vector<int> survivors_of(const std::vector<int>& keep) {
  std::vector<int> survivors;
  for (std::size_t n = 0; n < keep.size(); ++n)
    if (keep[n]) survivors.push_back(static_cast<int>(n));
  return survivors;
}

std::vector<int> selected(const std::vector<int>& keep) {
  Compact compact(test_device(), static_cast<int>(keep.size()));
  const int count = compact.select(static_cast<int>(keep.size()), Guarded<int>(keep));
  return test_device().read(compact.indices(), to_size_t(count));
}

std::vector<int> pattern(int n, int step) {
  std::vector<int> keep(to_size_t(n));
  for (int i = 0; i < n; ++i) keep[to_size_t(i)] = (i * 7919) % step == 0;
  return keep;
}

// Gathers rows first to last of a counting array and says whether each is the right one.
template <class T>
void check_gather(std::size_t row, const std::vector<int>& chosen, int n) {
  CAPTURE(row);
  std::vector<T> values(to_size_t(n) * row);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, Half>)
      values[i].bits = static_cast<std::uint16_t>(i);
    else
      values[i] = static_cast<T>(i);
  }
  std::vector<T> expected;
  for (const int index : chosen) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(to_size_t(index) * row);
    expected.insert(expected.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
  }
  const Guarded<T> in(values), out(chosen.size() * row);
  Compact compact(test_device(), n);
  compact.gather(static_cast<int>(chosen.size()), Guarded<int>(chosen), row, in.array(), out.array());
  CHECK(out.read() == expected);
}

}  // namespace

TEST_CASE("compact lists the survivors in order, for batches of any size") {
  for (const int n : {1, 2, 255, 256, 257, 1000, 65536})
    for (const int step : {1, 2, 3, 100000}) {
      CAPTURE(n);
      CAPTURE(step);
      const std::vector<int> keep = pattern(n, step);
      CHECK(selected(keep) == survivors_of(keep));
    }
}

TEST_CASE("compact of no survivors and of no images is empty") {
  CHECK(selected(std::vector<int>(300, 0)).empty());
  Compact compact(test_device(), 4);
  CHECK(compact.select(0, Guarded<int>(std::vector<int>{1})) == 0);
  CHECK_THROWS_WITH_AS(compact.select(5, Guarded<int>(std::size_t{5})), "compact: 5 images, expected at most 4",
                       ShapeError);
}

TEST_CASE("compact takes any nonzero flag for a survivor") {
  CHECK(selected({-1, 0, 7, 0, 1}) == std::vector<int>{0, 2, 4});
}

TEST_CASE("compact keeps exactly the flagged images of any batch") {
  const bool held = rc::check("selected == flagged", [] {
    const std::vector<int> keep = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 2)));
    RC_ASSERT(selected(keep) == survivors_of(keep));
  });
  CHECK(held);
}

TEST_CASE("gather copies whole rows of floats, halves and integers") {
  const std::vector<int> chosen{0, 3, 4, 9};
  for (const std::size_t row : {1u, 3u, 16u, 37u, 4096u, 5000u}) {
    check_gather<float>(row, chosen, 10);
    check_gather<Half>(row, chosen, 10);
  }
  check_gather<int>(1, chosen, 10);
  check_gather<int>(20, {2, 2, 0}, 3);
}

TEST_CASE("gather of no survivors writes nothing") {
  const Guarded<float> in(std::vector<float>{1, 2, 3}), out(std::vector<float>{7, 8, 9});
  Compact compact(test_device(), 3);
  compact.gather(0, compact.indices(), 1, in.array(), out.array());
  CHECK(out.read() == std::vector<float>{7, 8, 9});
}

}  // namespace cascadecl
