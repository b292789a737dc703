#include "runtime/opencl/command_log.h"

#include <doctest/doctest.h>

#include "runtime/ops/dense.h"
#include "runtime/ops/softmax.h"
#include "tests/support/device_test.h"

namespace cascadecl::testing {
namespace {

using Kind = Command::Kind;

struct Observed {
  std::vector<Command> commands;
  Device device = test_device().observed([this](Command command) { commands.push_back(std::move(command)); });
};

TEST_CASE("an observed handle tells each command, in order, once a read has waited for it") {
  Observed observed;
  const Device& device = observed.device;
  Softmax softmax(device, 10);
  const auto start = Command::Clock::now();
  const Array<float> logits = device.upload(std::vector<float>(30, 1.0F)), copied = device.allocate<float>(30),
                     probabilities = device.allocate<float>(30);
  device.fill(probabilities, 0.0F);
  device.copy(logits, copied, 20);
  device.command_log()->set_layers("dense1");
  softmax.run(3, copied, probabilities, 0);
  device.command_log()->set_layers({});
  CHECK(observed.commands.empty());
  device.read(probabilities, 15);
  const auto end = Command::Clock::now();

  REQUIRE(observed.commands.size() == 5);
  const auto& all = observed.commands;
  const std::vector<Kind> kinds = {Kind::write, Kind::fill, Kind::copy, Kind::kernel, Kind::read};
  const std::vector<std::size_t> bytes = {120, 120, 80, 0, 60};
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    CHECK(all[i].kind == kinds[i]);
    CHECK(all[i].bytes == bytes[i]);
    CHECK(all[i].layers == (i == 3 ? "dense1" : ""));
    CHECK(all[i].queued >= (i ? all[i - 1].queued : start));
    CHECK(all[i].begin >= all[i].queued);
    if (i > 0) CHECK(all[i].begin >= all[i - 1].end);
    CHECK(all[i].end >= all[i].begin);
  }
  CHECK(all.back().end <= end);
  CHECK(all[3].kernel.starts_with("softmax"));
  CHECK(all[3].global[0] * all[3].global[1] * all[3].global[2] >= 1);
  device.finish();
  CHECK(all.size() == 5);
}

TEST_CASE("a log has what CLBlast enqueues by itself") {
  Observed observed;
  const Device& device = observed.device;
  const auto ones = [&](std::size_t size) { return device.upload(std::vector<float>(size, 1.0F)); };
  const Array<float> logits = ones(8);
  Dense(device, 3, 4, 2, DenseVariant::clblast).forward(2, ones(6), ones(12), ones(4), logits);
  CHECK(device.read(logits) == std::vector<float>(8, 4.0F));
  const auto& all = observed.commands;
  REQUIRE(all.size() >= 2);
  CHECK(all[all.size() - 2].kind == Kind::kernel);
  CHECK(all[all.size() - 2].kernel == "Sgemm (CLBlast)");
}

TEST_CASE("only the queue of an observed handle tells times, and it shares context and programs") {
  const Observed observed;
  const auto tells_times = [](const Device& device) {
    return (device.queue().getInfo<CL_QUEUE_PROPERTIES>() & CL_QUEUE_PROFILING_ENABLE) != 0;
  };
  CHECK(tells_times(observed.device));
  CHECK_FALSE(tells_times(test_device()));
  CHECK(test_device().command_log() == nullptr);
  CHECK(observed.device.same_as(test_device()));
  const Softmax there(observed.device, 3);
  const int built = test_device().program_counts().built + test_device().program_counts().from_cache;
  const Softmax here(test_device(), 3);
  CHECK(test_device().program_counts().built + test_device().program_counts().from_cache == built);
}

TEST_CASE("a rehearsal has nothing to observe") {
  const Device rehearsal = test_device().rehearsal();
  const Device observed = rehearsal.observed([](const Command&) { FAIL("a rehearsal runs no command"); });
  CHECK(observed.command_log() == nullptr);
  observed.read(observed.upload(std::vector<int>{1, 2}));
  CHECK(rehearsal.allocated_bytes() == 8);
}

}  // namespace
}  // namespace cascadecl::testing
