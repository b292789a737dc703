#include <doctest/doctest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "data/files/error.h"
#include "runtime/cascade/executor.h"
#include "tests/support/small_cascade.h"

// A device that stands still while the test says so, and then goes on: given up for one that hangs though it was only
// slow. CMake runs these tests on two devices behind the layer `faults`, with STALL_FILE and CALLS_FILE for the second.
namespace cascadecl {
namespace {

using namespace small_cascade;

constexpr std::size_t count = 20;
const ExecutorSettings settings{.max_batch = 4,
                                .policy = make_policy({PolicyKind::sample}, {3}),
                                .device_timeout = std::chrono::milliseconds(3000)};

// Of what runs first, which has ten times as long: 5 s for work of tenths of a second.
const ExecutorSettings short_limit{
    .max_batch = 4, .policy = make_policy({PolicyKind::sample}, {3}), .device_timeout = std::chrono::milliseconds(500)};

// The second device stands still as long as this lives.
struct Stall {
  Stall() { std::ofstream(STALL_FILE) << "stall\n"; }
  ~Stall() { std::filesystem::remove(STALL_FILE); }
};

// What is not in the caches yet is built without a limit.
void fill_caches(const Device& device) {
  CascadeExecutor(test_model(), {device, device, device}, {.max_batch = settings.max_batch}).warm_up();
}

std::optional<std::vector<Device>> two_devices() {
  std::filesystem::remove(STALL_FILE);
  const std::vector<DeviceInfo> infos = list_devices();
  if (infos.size() == 2) {
    static const bool filled = (fill_caches(Device(infos[0])), true);
    REQUIRE(filled);
    return std::vector<Device>{Device(infos[0]), Device(infos[1])};
  }
  MESSAGE("skipped: the OpenCL platform does not show two devices when asked to");
  return std::nullopt;
}

void wait_until(const std::function<bool()>& done) {
  while (!done()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// Lines of the second device's calls so far.
std::vector<std::string> calls() {
  std::ifstream file(CALLS_FILE);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) names.push_back(line);
  return names;
}

// Images whose memory is gone once this is: whoever looks at them then ends the program.
class Images {
 public:
  Images()
      : memory_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(memory_ != MAP_FAILED);
    std::memcpy(memory_, random_images(count).data(), bytes);
  }
  ~Images() { ::munmap(memory_, bytes); }
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;
  std::span<const std::uint8_t> all() const { return {memory_, bytes}; }

 private:
  static constexpr std::size_t bytes = count * image_bytes;
  std::uint8_t* memory_;
};

// Stops nothing, and is gone once nobody uses the executor's settings any more: its threads have ended.
std::weak_ptr<const StoppingScore> watch_threads(ExecutorSettings& of) {
  struct Never final : StoppingScore {
    double of(const Visit&) const override { return 0; }
  };
  const auto score = std::make_shared<const Never>();
  of.policy = {score, 1};
  return score;
}

TEST_CASE("a device that is given up and goes on later touches nothing that is gone, and runs nothing more") {
  const auto devices = two_devices();
  if (!devices) return;
  for (const OnDeviceFailure on_failure : {OnDeviceFailure::stop, OnDeviceFailure::go_on}) {
    ExecutorSettings watched = settings;
    watched.on_failure = on_failure;
    const auto threads = watch_threads(watched);
    std::optional<CascadeExecutor> executor(
        std::in_place, test_model(), std::vector<Device>{devices->at(1), devices->at(0), devices->at(0)}, watched);
    watched.policy.reset();
    executor->warm_up();
    std::vector<std::string> before;
    {
      const Stall stall;
      const Images images;
      if (on_failure == OnDeviceFailure::stop) {
        CHECK_THROWS_AS(executor->classify(images.all()), DeviceHangError);
      } else {
        CHECK(executor->classify(images.all()).exit_stage == std::vector<int>(count, 2));
        CHECK(executor->statistics().failures.size() == 1);
      }
      executor.reset();
      CHECK(threads_left_behind());
      CHECK_FALSE(threads.expired());
      before = calls();
    }
    wait_until([&] { return threads.expired(); });
    CHECK(before.back() == "clEnqueueWriteBuffer");
    CHECK(calls() == before);
  }
}

TEST_CASE("a device that hangs at its first work is told as one that hangs later") {
  const auto devices = two_devices();
  if (!devices) return;
  const std::vector<Device> placement = {devices->at(0), devices->at(1), devices->at(1)};
  const Images images;
  CascadeExecutor stops(test_model(), placement, short_limit);
  const Stall stall;
  CHECK_THROWS_AS(stops.warm_up(), DeviceHangError);
  CHECK_THROWS_AS(stops.classify(images.all()), DeviceHangError);
}

TEST_CASE("a device that hangs while it is warmed up leaves its stages to another") {
  const auto devices = two_devices();
  if (!devices) return;
  const Device &a = devices->at(0), &b = devices->at(1);
  ExecutorSettings goes_on = short_limit;
  goes_on.on_failure = OnDeviceFailure::go_on;
  const Images images;
  const CascadeResult alone = CascadeExecutor(test_model(), {a, a, a}, settings).classify(images.all());
  CascadeExecutor executor(test_model(), {a, b, b}, goes_on);
  const Stall stall;
  executor.warm_up();
  CHECK(executor.device(2).same_as(a));
  CHECK(executor.classify(images.all()).exit_stage == alone.exit_stage);
  const std::vector<DeviceFailure> failures = executor.statistics().failures;
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].stages == std::vector<std::size_t>{1, 2});
  CHECK(failures[0].reason.find("warming up has not ended within 5 s") != std::string::npos);
}

TEST_CASE("a device that hangs while it is made ready is given up as one that hangs later") {
  const Images images;
  for (const OnDeviceFailure on_failure : {OnDeviceFailure::stop, OnDeviceFailure::go_on}) {
    const auto devices = two_devices();
    if (!devices) return;
    const Device &a = devices->at(0), &b = devices->at(1);
    ExecutorSettings watched = short_limit;
    watched.on_failure = on_failure;
    const auto threads = watch_threads(watched);
    {
      const Stall stall;
      const auto make = [&] { return CascadeExecutor(test_model(), {a, b, b}, watched); };
      if (on_failure == OnDeviceFailure::stop) {
        CHECK_THROWS_AS(make(), DeviceHangError);
      } else {
        CascadeExecutor executor = make();
        CHECK(executor.device(1).same_as(a));
        CHECK(executor.classify(images.all()).exit_stage == std::vector<int>(count, 2));
        const std::vector<DeviceFailure> failures = executor.statistics().failures;
        REQUIRE(failures.size() == 1);
        CHECK(failures[0].stages == std::vector<std::size_t>{1, 2});
        CHECK(failures[0].reason.find("making stage 1 (wrn-10-2) ready has not ended within 5 s") != std::string::npos);
      }
      watched.policy.reset();
      CHECK(threads_left_behind());
      CHECK_FALSE(threads.expired());
    }
    wait_until([&] { return threads.expired(); });
  }
}

TEST_CASE("a device that hangs while it takes the stages of another ends the run in time") {
  const auto devices = two_devices();
  if (!devices) return;
  const Device &a = devices->at(0), &b = devices->at(1);
  ExecutorSettings watched = short_limit;
  watched.on_failure = OnDeviceFailure::go_on;
  const auto threads = watch_threads(watched);
  std::optional<CascadeExecutor> executor(std::in_place, test_model(), std::vector<Device>{a, b, b}, watched);
  watched.policy.reset();
  executor->warm_up();
  {
    const Stall stall;
    const auto error = std::make_exception_ptr(DeviceError("does not answer"));
    CHECK_THROWS_AS(executor->give_up(a, error, "elsewhere"), DeviceHangError);
    const std::vector<DeviceFailure> failures = executor->statistics().failures;
    REQUIRE(failures.size() == 2);
    CHECK(failures[1].reason.find("making stage 0 (resnet-8) ready has not ended within 5 s") != std::string::npos);
    executor.reset();
  }
  wait_until([&] { return threads.expired(); });
}

TEST_CASE("a pipeline can be destroyed while a device hangs") {
  const auto devices = two_devices();
  if (!devices) return;
  const Images images;
  ExecutorSettings watched = settings;
  const auto threads = watch_threads(watched);
  std::optional<CascadePipeline> pipeline(std::in_place, test_model(), std::vector<Device>(3, devices->at(1)),
                                          PipelineSettings{.executor = watched});
  watched.policy.reset();
  {
    const Stall stall;
    const std::size_t before = calls().size();
    std::vector<Passage> passages(1);
    passages[0].pixels = images.all().first(image_bytes);
    pipeline->submit(passages);
    wait_until([&] { return calls().size() > before; });
    pipeline.reset();
  }
  wait_until([&] { return threads.expired(); });
  CHECK(threads_left_behind());
}

}  // namespace
}  // namespace cascadecl
