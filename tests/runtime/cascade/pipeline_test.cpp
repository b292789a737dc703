#include "runtime/cascade/pipeline/pipeline.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "data/files/error.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/pipeline/next_stage.h"
#include "runtime/cascade/pipeline/passage_queues.h"
#include "runtime/cascade/pipeline/slot_ring.h"
#include "runtime/cascade/pipeline/stream.h"
#include "runtime/cascade/pipeline/trace.h"
#include "tests/support/device_test.h"
#include "tests/support/short_memory.h"
#include "tests/support/small_cascade.h"

namespace cascadecl {
namespace {

using namespace small_cascade;

// Handles with contexts of their own: memory is not shared with the others, as on another device. Opened once, so that
// each builds its programs once; never destroyed, as test_device().
const Device& own_device(std::size_t which = 0) {
  static const std::vector<Device>& devices =
      *new std::vector<Device>{Device(testing::test_device().info()), Device(testing::test_device().info()),
                               Device(testing::test_device().info())};
  return devices.at(which);
}

std::vector<Passage> passages_of(const std::vector<std::uint8_t>& images, std::size_t first, std::size_t count) {
  std::vector<Passage> passages(count);
  for (std::size_t i = 0; i < count; ++i) {
    passages[i].number = first + i;
    passages[i].pixels = std::span(images).subspan((first + i) * image_bytes, image_bytes);
  }
  return passages;
}

// Images leave everywhere, by their number alone.
const ExecutorSettings by_number{.max_batch = 4, .policy = make_policy({PolicyKind::sample}, {3})};

TEST_CASE("places of a ring are given side by side and never twice") {
  const bool holds = rc::check("any order of taking and releasing", [] {
    const auto capacity = *rc::gen::inRange<std::size_t>(1, 40);
    SlotRing ring(capacity);
    std::vector<std::size_t> taken;
    for (int step = 0; step < 200; ++step) {
      if (*rc::gen::arbitrary<bool>() || taken.empty()) {
        const auto count = *rc::gen::inRange<std::size_t>(1, capacity + 1);
        const std::size_t room = ring.room();
        const auto first = ring.take(count);
        RC_ASSERT(first.has_value() == (count <= room));
        if (!first) continue;
        RC_ASSERT(*first + count <= capacity);
        for (std::size_t slot = *first; slot < *first + count; ++slot) {
          RC_ASSERT(std::ranges::find(taken, slot) == taken.end());
          taken.push_back(slot);
        }
      } else {
        const auto at = *rc::gen::inRange<std::size_t>(0, taken.size());
        ring.release(taken[at]);
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(at));
      }
      if (taken.empty()) RC_ASSERT(ring.room() == capacity);
    }
  });
  CHECK(holds);
}

TEST_CASE("a device runs full windows of late stages first, then full batches of early ones") {
  using Stages = std::vector<WaitingStage>;
  const auto next = [](const Stages& stages) { return next_stage(stages, 4, 16); };
  CHECK(next(Stages{{.ready = 16, .first = true}, {.ready = 16}}) == 1);
  CHECK(next(Stages{{.ready = 16, .first = true}, {.ready = 15}}) == 0);
  CHECK(next(Stages{{.ready = 1, .first = true}, {.ready = 15}}) == 0);
  CHECK(next(Stages{{.ready = 0, .first = true}, {.ready = 4}, {.ready = 5}}) == 1);
  CHECK(next(Stages{{.ready = 9, .first = true}, {.ready = 1, .due = true}}) == 1);
  CHECK(next(Stages{{.ready = 0, .first = true}, {.ready = 3, .drained = true}, {.ready = 3}}) == 1);
  CHECK_FALSE(next(Stages{{.ready = 0, .first = true}, {.ready = 3}}).has_value());
  CHECK_FALSE(next(Stages{}).has_value());
}

TEST_CASE("every image goes through its stages once, whatever devices do when, and no slot is used twice") {
  const bool holds = rc::check("any placement, arrivals, exits and failures", [] {
    const auto stages = *rc::gen::inRange<std::size_t>(1, 5), devices = *rc::gen::inRange<std::size_t>(1, 4);
    const auto batch = *rc::gen::inRange<std::size_t>(1, 5), window = batch * *rc::gen::inRange<std::size_t>(1, 4);
    PassageQueues::Settings settings{.devices = devices, .slots = 2 * window, .batch = batch, .window = window};
    for (std::size_t k = 0; k < stages; ++k) settings.owner.push_back(*rc::gen::inRange<std::size_t>(0, devices));
    if (*rc::gen::arbitrary<bool>()) settings.max_delay = std::chrono::microseconds(0);
    PassageQueues queues(settings);
    const auto images = *rc::gen::inRange<std::uint64_t>(0, 60);
    std::uint64_t submitted = 0, back = 0;
    std::vector<bool> failed(devices);
    for (int idle = 0; back < images; ++idle) {
      RC_ASSERT(idle < 100);
      if (submitted < images) {
        std::vector<Passage> more(
            *rc::gen::inRange<std::size_t>(1, std::min<std::uint64_t>(8, images - submitted) + 1));
        for (Passage& passage : more) passage.number = submitted++;
        queues.submit(std::move(more));
      }
      queues.expect_more(submitted < images);
      for (std::size_t device = 0; device < devices; ++device) {
        const auto stage = queues.choose(device);
        if (!stage) continue;
        RC_ASSERT(queues.owner(*stage) == device);
        const StageBatch taken = queues.take(*stage);
        RC_ASSERT(!taken.passages.empty());
        RC_ASSERT(taken.passages.size() <= window);
        std::set<std::size_t> slots;
        RC_ASSERT(taken.slots.size() == taken.passages.size());
        for (std::size_t i = 0; i < taken.passages.size(); ++i) {
          const Passage& passage = *taken.passages[i];
          RC_ASSERT(passage.stage == *stage);
          RC_ASSERT(passage.device == device);
          RC_ASSERT(taken.slots[i] == static_cast<int>(passage.slot));
          RC_ASSERT(slots.insert(passage.slot).second);
        }
        const auto left = static_cast<std::size_t>(std::ranges::count(failed, false));
        if (left > 1 && *rc::gen::inRange(0, 10) == 0) {
          failed[device] = true;
          queues.move(device, static_cast<std::size_t>(std::ranges::find(failed, false) - failed.begin()), taken);
          continue;
        }
        std::vector<bool> stops;
        for (std::size_t i = 0; i < taken.passages.size(); ++i)
          stops.push_back(*stage + 1 == stages || *rc::gen::arbitrary<bool>());
        queues.settle(taken, stops);
        idle = 0;
      }
      while (queues.next_is_done()) RC_ASSERT(queues.pop().number == back++);
    }
    RC_ASSERT(queues.empty());
    RC_ASSERT(queues.unfinished() == 0);
  });
  CHECK(holds);
}

TEST_CASE("images come back once, in order, and exits depend on no device, batch or moment") {
  const std::vector<std::uint8_t> images = random_images(60);
  const Device a = own_device(0), b = own_device(1), c = own_device(2);
  const CascadeResult alone = CascadeExecutor(test_model(), {a, a, a}, by_number).classify(images);
  const std::vector<std::vector<Device>> placements = {{a, a, a}, {a, b, b}, {a, a, b}, {a, b, a}, {a, b, c}};
  for (const auto& devices : placements) {
    for (const bool hurried : {false, true}) {
      PipelineSettings settings{.executor = by_number, .capacity = 10};
      if (hurried) settings.max_delay = std::chrono::microseconds(0);
      CascadePipeline pipeline(test_model(), devices, settings);
      std::thread client([&] {
        for (std::size_t i = 0; i < 60; i += 3) pipeline.submit(passages_of(images, i, 3));
        pipeline.flush();
      });
      std::vector<Passage> results;
      while (auto passage = pipeline.next()) {
        results.push_back(std::move(*passage));
        if (results.size() == 60) break;
      }
      client.join();
      REQUIRE(results.size() == 60);
      CHECK_FALSE(pipeline.next().has_value());
      std::int64_t stopped = 0;
      for (const StageCounts& counts : pipeline.take_counts()) stopped += counts.stopped;
      CHECK(stopped == 60);
      for (std::size_t i = 0; i < 60; ++i) {
        CHECK(results[i].number == i);
        CHECK(static_cast<int>(results[i].stage) == alone.exit_stage[i]);
        CHECK(results[i].probabilities.size() == (results[i].stage + 1) * classes);
        CHECK(results[i].finished >= results[i].submitted);
        for (std::size_t s = 0; s <= results[i].stage; ++s)
          CHECK(results[i].probabilities[s * classes] ==
                doctest::Approx(alone.probabilities[(s * 60 + i) * classes]).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("never more images are inside than the capacity") {
  const std::vector<std::uint8_t> images = random_images(40);
  const Device device = own_device();
  CascadePipeline pipeline(test_model(), {device, device, device}, {.executor = by_number, .capacity = 6});
  for (std::size_t i = 0; i < 40; i += 2) pipeline.submit(passages_of(images, i, 2));
  pipeline.flush();
  std::size_t back = 0;
  while (pipeline.next()) ++back;
  CHECK(back == 40);
  for (const std::size_t longest : pipeline.statistics().longest_queue) CHECK(longest <= 6);
}

TEST_CASE("without images nothing comes back") {
  const Device device = own_device();
  CascadePipeline pipeline(test_model(), {device, device, device}, {.executor = by_number});
  pipeline.flush();
  CHECK_FALSE(pipeline.next().has_value());
}

TEST_CASE("an error of a policy ends the run and is thrown where results are taken") {
  class Broken final : public StoppingScore {
   public:
    double of(const Visit& visit) const override {
      if (visit.image == 5) throw UsageError("no score for image 5");
      return 0;
    }
  };
  const Device a = own_device(0), b = own_device(1);
  ExecutorSettings settings{.max_batch = 4, .policy = StoppingPolicy{std::make_shared<Broken>(), 1}};
  CascadeExecutor executor(test_model(), {a, b, b}, settings);
  CHECK_THROWS_WITH_AS(executor.classify(random_images(20)), "no score for image 5", UsageError);
  CHECK_THROWS_AS(executor.classify(random_images(20)), UsageError);
}

TEST_CASE("a stream answers each image once, in order, and as a whole run does") {
  const std::vector<std::uint8_t> images = random_images(50);
  const Device a = own_device(0), b = own_device(1);
  const CascadeResult whole = CascadeExecutor(test_model(), {a, a, a}, by_number).classify(images);
  CascadeStream stream(test_model(), {a, b, a},
                       {.executor = by_number, .capacity = 7, .max_delay = std::chrono::microseconds(100)});
  stream.warm_up();
  std::thread client([&] {
    for (std::size_t i = 0; i < 50; ++i) stream.push(std::span(images).subspan(i * image_bytes, image_bytes));
    stream.close();
  });
  std::size_t count = 0;
  while (const auto answer = stream.pop()) {
    REQUIRE(answer->number == count);
    CHECK(answer->exit_stage == whole.exit_stage[count]);
    CHECK(answer->label() == whole.label(static_cast<std::int64_t>(count)));
    CHECK(answer->latency_ms > 0);
    ++count;
  }
  client.join();
  CHECK(count == 50);
  CHECK_THROWS_AS(stream.push(std::vector<std::uint8_t>(image_bytes - 1)), ShapeError);
}

TEST_CASE("a submitter is told whether it had to wait for room") {
  const std::vector<std::uint8_t> images = random_images(3);
  const Device device = own_device();
  ExecutorSettings never_stops = by_number;
  never_stops.policy = make_policy({PolicyKind::learned, 2});
  CascadePipeline pipeline(test_model(), {device, device, device}, {.executor = never_stops, .capacity = 2});
  CHECK_FALSE(pipeline.submit(passages_of(images, 0, 1)));
  CHECK_FALSE(pipeline.submit(passages_of(images, 1, 1)));
  CHECK(pipeline.submit(passages_of(images, 2, 1)));  // the others wait for a full batch, which cannot come
  CHECK(pipeline.drain().size() == 3);
}

TEST_CASE("an image of another size is refused before anything is run") {
  const Device device = own_device();
  CascadePipeline pipeline(test_model(), {device, device, device}, {.executor = by_number});
  const std::vector<std::uint8_t> images = random_images(2);
  std::vector<Passage> passages = passages_of(images, 0, 1);
  passages[0].pixels = images;
  CHECK_THROWS_WITH_AS(pipeline.submit(passages), "cascade: an image of 384 bytes, expected 192", ShapeError);
  CHECK(pipeline.drain().empty());
}

TEST_CASE("memory that the host lacks ends the run, and is no device's failure") {
  const std::vector<std::uint8_t> images = random_images(60);
  const Device a = own_device(0), b = own_device(1);
  ExecutorSettings settings{.max_batch = 60, .on_failure = OnDeviceFailure::go_on};
  CascadeExecutor executor(test_model(), {a, b, b}, settings);
  executor.warm_up();
  CascadePipeline pipeline(test_model(), {a, b, b}, {.executor = settings});
  std::vector<Passage> passages = passages_of(images, 0, 60);
  {
    const testing::ShortMemory shortage(images.size());
    pipeline.submit(std::move(passages));
    CHECK_THROWS_AS(pipeline.drain(), std::bad_alloc);
  }
  CHECK(pipeline.statistics().failures.empty());
}

TEST_CASE("a device that is given up from outside leaves its stages to another, or ends the run") {
  const std::vector<std::uint8_t> images = random_images(20);
  const Device a = own_device(0), b = own_device(1);
  const auto error = std::make_exception_ptr(DeviceError("does not answer"));
  const CascadeResult whole = CascadeExecutor(test_model(), {a, b, b}, by_number).classify(images);
  ExecutorSettings settings = by_number;
  settings.on_failure = OnDeviceFailure::go_on;
  CascadeExecutor executor(test_model(), {a, b, b}, settings);
  executor.classify(images);
  executor.give_up(b, error, "elsewhere");
  executor.give_up(b, error, "elsewhere");
  CHECK(executor.classify(images).exit_stage == whole.exit_stage);
  CHECK(executor.device(1).same_as(a));
  CHECK(executor.failure_of(b) == error);
  CHECK(executor.failure_of(a) == nullptr);
  const std::vector<DeviceFailure> failures = executor.statistics().failures;
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].reason == "does not answer (elsewhere)");
  CHECK(failures[0].stages == std::vector<std::size_t>{1, 2});
  CHECK_THROWS_WITH_AS(executor.give_up(a, error, ""), "does not answer", DeviceError);
  CHECK_THROWS_AS(executor.classify(images), DeviceError);
}

TEST_CASE("a precision that a device cannot do is an error even where others could go on") {
  DeviceInfo embedded = testing::test_device().info();
  embedded.full_profile = false;
  const Device a = own_device(), b(embedded);
  const ExecutorSettings settings{.max_batch = 4, .precision = Precision::fp16, .on_failure = OnDeviceFailure::go_on};
  CHECK_THROWS_AS(CascadeExecutor(test_model(), {a, b, b}, settings), DeviceNotFoundError);
}

TEST_CASE("memory that a device lacks for its stages is its failure, before any image comes") {
  DeviceInfo narrow = testing::test_device().info();
  narrow.max_allocation_bytes = 20 * image_bytes;  // of two windows of four batches, not of a stage's first layer
  narrow.name = "Narrow";
  const Device a = own_device(), b(narrow);
  ExecutorSettings settings = by_number;
  const std::string reason = "device Narrow: an allocation of";
  try {
    const CascadeExecutor executor(test_model(), {a, b, b}, settings);
    FAIL("the stages fit");
  } catch (const DeviceError& error) {
    CHECK(std::string(error.what()).starts_with(reason));
  }
  settings.on_failure = OnDeviceFailure::go_on;
  const std::vector<std::uint8_t> images = random_images(20);
  CascadeExecutor executor(test_model(), {b, a, b}, settings);
  for (std::size_t stage = 0; stage < 3; ++stage) CHECK(executor.device(stage).same_as(a));
  const std::vector<DeviceFailure> failures = executor.statistics().failures;
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].stages == std::vector<std::size_t>{0, 2});
  CHECK(failures[0].reason.starts_with(reason));
  CHECK(executor.classify(images).exit_stage ==
        CascadeExecutor(test_model(), {a, a, a}, by_number).classify(images).exit_stage);
}

TEST_CASE("a trace tells what each device did, in the order of time, and how long the queues were") {
  const std::vector<std::uint8_t> images = random_images(30);
  const Device a = own_device(0), b = own_device(1);
  ExecutorSettings settings = by_number;
  settings.trace = std::make_shared<Trace>();
  CascadeExecutor(test_model(), {a, b, b}, settings).classify(images);
  const auto events = nlohmann::json::parse(settings.trace->json()).at("traceEvents");
  std::int64_t first_stage = 0, queues = 0;
  std::vector<double> free_at(2, 0.0);
  for (const auto& event : events) {
    if (event["ph"] == "C") ++queues;
    if (event["ph"] != "X" || event["cat"] != "work") continue;
    const auto device = event["tid"].get<std::size_t>();
    REQUIRE(device < 2);
    CHECK(event["ts"].get<double>() >= free_at[device] - 1e-3);
    free_at[device] = event["ts"].get<double>() + event["dur"].get<double>();
    if (event["name"] == "stage 0: resnet-8") {
      CHECK(device == 0);
      first_stage += event["args"]["images"].get<std::int64_t>();
    }
    if (event["name"] == "stage 1: wrn-10-2") CHECK(device == 1);
  }
  CHECK(first_stage == 30);
  CHECK(queues > 0);
}

TEST_CASE("a trace keeps as many commands as it may and counts the others") {
  Trace trace(2);
  const Trace::Clock::time_point now = Trace::Clock::now();
  trace.name_device(0, "Toy");
  trace.add_span(0, "upload", 1, now, now);
  for (const std::size_t bytes : {10, 20, 30}) {
    trace.add_command(0, {.kind = Command::Kind::write,
                          .bytes = bytes,
                          .queued = now,
                          .begin = now,
                          .end = now + std::chrono::microseconds(1)});
  }
  const auto json = nlohmann::json::parse(trace.json());
  std::vector<int> bytes;
  for (const auto& event : json["traceEvents"]) {
    if (event.value("cat", "") != "transfer") continue;
    bytes.push_back(event["args"]["bytes"]);
    CHECK(event["args"]["work"] == "upload");
    CHECK(event["dur"].get<double>() == doctest::Approx(1));
  }
  CHECK(bytes == std::vector<int>{10, 20});
  CHECK(json["otherData"]["commands_left_out"] == 1);
}

}  // namespace
}  // namespace cascadecl
