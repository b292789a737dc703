#include "runtime/energy/energy_sampler.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

#include "runtime/energy/rapl.h"
#include "tests/support/fake_machine.h"
#include "tests/support/fake_sys.h"

using namespace cascadecl;

namespace {

struct Metered {
  FakeMachine machine;
  MeterList meters;
  FakeMeter* meter = nullptr;

  Metered() {
    auto owned = std::make_unique<FakeMeter>(machine, std::vector<EnergyDomain>{{"fake", "all", "", {}, true}},
                                             std::vector<double>{1.0});
    meter = owned.get();
    meters.push_back(std::move(owned));
  }
};

}  // namespace

TEST_CASE("measure reads the meters again and again while the work runs") {
  Metered m;
  const EnergyReading reading = measure(m.meters, [&] {
    m.machine.advance(2, 10);
    m.meter->wait_for_reads(5);
  });
  REQUIRE(reading.domains.size() == 1);
  CHECK(reading.domains[0].energy_j == 20);
  CHECK(reading.domains[0].window_s == 2);
}

TEST_CASE("measure tells how long its thread was reading") {
  Metered m;
  const EnergyReading reading = measure(m.meters, [&] { m.meter->wait_for_reads(3); });
  CHECK(reading.sampling_s > 0);
}

TEST_CASE("measure follows a counter through several wraps") {
  FakeSys sys;
  const std::uint64_t range = 400'000'000;  // asks for a read every 25 ms
  sys.add_zone("intel-rapl:0", "package-0", 0, range);
  MeterEnvironment environment = sys.environment();
  std::atomic<int> reads = 0;
  environment.read_file = [&, read = environment.read_file](const std::filesystem::path& path) {
    ++reads;
    reads.notify_all();
    return read(path);
  };
  std::vector<MeterAttempt> attempts;
  MeterList meters;
  meters.push_back(open_rapl(environment, attempts));
  REQUIRE(meters[0]);
  const std::uint64_t step = range / 3;
  const EnergyReading reading = measure(meters, [&] {
    for (std::uint64_t i = 1; i <= 10; ++i) {
      const int before = reads;
      sys.set_energy("intel-rapl:0", i * step % (range + 1));
      for (int now = reads; now < before + 2; now = reads) reads.wait(now);
    }
  });
  CHECK(reading.domains.at(0).energy_j == doctest::Approx(static_cast<double>(10 * step) * 1e-6).epsilon(1e-12));
}

TEST_CASE("measure throws what a meter met in the sampling thread, also if later reads succeed") {
  Metered m;
  m.meter->on_read = [&] {
    if (m.meter->reads == 2) throw MeterReadError({"fake", "file", "permission denied", ""});
  };
  CHECK_THROWS_WITH_AS(measure(m.meters, [&] { m.meter->wait_for_reads(2); }), "fake: file: permission denied",
                       MeterReadError);
}

TEST_CASE("measure hands on what the work throws and ends its thread") {
  Metered m;
  CHECK_THROWS_WITH_AS(measure(m.meters, [] { throw std::runtime_error("work failed"); }), "work failed",
                       std::runtime_error);
  m.meter->on_read = [] { FAIL("read by a thread that ought to have ended"); };
  m.meters.clear();  // a thread still reading would now be caught by the sanitizers
}

TEST_CASE("measure without meters runs the work and reads nothing") {
  bool ran = false;
  CHECK(measure({}, [&] { ran = true; }).domains.empty());
  CHECK(ran);
}
