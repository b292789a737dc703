#include "runtime/opencl/time_limit.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "data/files/error.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a call within its time gives what it returns, or throws what it throws") {
  CHECK(call_within(milliseconds(60'000), "A", "adding", [] { return 2 + 3; }) == 5);
  bool called = false;
  call_within(milliseconds(60'000), "A", "calling", [&] { called = true; });
  CHECK(called);
  const auto fails = []() -> int { throw UsageError("no such flag"); };
  CHECK_THROWS_WITH_AS(call_within(milliseconds(60'000), "A", "failing", fails), "no such flag", UsageError);
}

TEST_CASE("a call that does not end is left behind with what it owns") {
  std::promise<void> end;
  std::weak_ptr<int> owned;
  {
    auto number = std::make_shared<int>(3);
    owned = number;
    auto hangs = [number = std::move(number), ended = end.get_future().share()] { ended.wait(); };
    CHECK_THROWS_WITH_AS(call_within(milliseconds(20), "A", "opening", std::move(hangs)),
                         "device A: opening has not ended within 0.02 s", DeviceHangError);
  }
  CHECK(threads_left_behind());
  CHECK_FALSE(owned.expired());
  end.set_value();
  while (!owned.expired()) std::this_thread::sleep_for(milliseconds(1));
}

TEST_CASE("a device is opened within its time limit") {
  const Device device(testing::test_device().info(), {.time_limit = milliseconds(60'000)});
  CHECK(device.read(device.upload(std::vector<int>{1, 2})) == std::vector<int>{1, 2});
}

}  // namespace
}  // namespace cascadecl
