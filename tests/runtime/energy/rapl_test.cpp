#include "runtime/energy/rapl.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <limits>
#include <map>

#include "runtime/energy/wrap_counter.h"
#include "tests/support/fake_sys.h"

using namespace cascadecl;

namespace {

// Two sockets with their parts, the first one offered twice, the whole platform, and a zone of another kind.
void add_two_packages(FakeSys& sys) {
  sys.add_zone("intel-rapl:0", "package-0", 1'000'000);
  sys.add_zone("intel-rapl:0:0", "core", 600'000);
  sys.add_zone("intel-rapl:0:1", "dram", 300'000);
  sys.add_zone("intel-rapl:1", "package-1", 2'000'000);
  sys.add_zone("intel-rapl:1:0", "core", 900'000);
  sys.add_zone("intel-rapl:2", "psys", 9'000'000);
  sys.add_zone("intel-rapl:3", "memory", 5'000'000);
  sys.add_zone("intel-rapl-mmio:0", "package-0", 1'000'000);
}

std::string attempts_text(const std::vector<MeterAttempt>& attempts) {
  std::string text;
  for (const auto& attempt : attempts) text += attempt.path + ": " + attempt.reason + " [" + attempt.remedy + "]\n";
  return text;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

using Kinds = std::map<std::string, DomainKind>;

Kinds kinds_by_name(const EnergyMeter& meter) {
  Kinds kinds;
  for (const EnergyDomain& domain : meter.domains()) kinds[domain.name] = domain.kind;
  REQUIRE(kinds.size() == meter.domains().size());
  return kinds;
}

// Moves the counter at `position` of 0..largest on by `step` <= largest, with the wrap.
std::uint64_t moved(std::uint64_t position, std::uint64_t step, std::uint64_t largest) {
  const std::uint64_t left = largest - position;
  return step <= left ? position + step : step - left - 1;
}

}  // namespace

TEST_CASE("powercap reads packages, their parts and memory and psys, each once, and tells them apart") {
  FakeSys sys;
  add_two_packages(sys);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(attempts.empty());
  CHECK(kinds_by_name(*meter) == Kinds{{"package-0", DomainKind::package},
                                       {"package-0 core", DomainKind::part},
                                       {"package-0 dram", DomainKind::memory},
                                       {"package-1", DomainKind::package},
                                       {"package-1 core", DomainKind::part},
                                       {"psys", DomainKind::platform}});
  CHECK(meter->domains()[0].path == sys.file("intel-rapl:0").parent_path().string());
}

TEST_CASE("powercap reads the dies of a package") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0-die-0", 1);
  sys.add_zone("intel-rapl:1", "package-0-die-1", 1);
  sys.add_zone("intel-rapl:1:0", "uncore", 1);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(kinds_by_name(*meter) == Kinds{{"package-0-die-0", DomainKind::package},
                                       {"package-0-die-1", DomainKind::package},
                                       {"package-0-die-1 uncore", DomainKind::part}});
}

TEST_CASE("powercap does without a part that cannot be read") {
  FakeSys sys;
  add_two_packages(sys);
  sys.deny("intel-rapl:0:1");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK_FALSE(kinds_by_name(*meter).contains("package-0 dram"));
  CHECK(attempts.size() == 1);
}

TEST_CASE("powercap reports joules since start, with the injected time") {
  FakeSys sys;
  add_two_packages(sys);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  sys.set_time(100);
  CHECK(meter->start() == 100);
  sys.set_energy("intel-rapl:0", 3'500'000);
  sys.set_energy("intel-rapl:1", 2'000'001);
  sys.set_time(101.5);
  const MeterReading reading = meter->read();
  CHECK(reading.time_s == 101.5);
  CHECK(reading.energy_j == std::vector<double>{2.5, 0, 0, 1 * 1e-6, 0, 0});
}

TEST_CASE("powercap unwinds 0, 1 and 3 wraps of its counter to the microjoule") {
  const std::uint64_t range = 100'000'000'000, quarter = (range + 1) / 4;
  std::uint64_t steps = 0;
  SUBCASE("0") { steps = 2; }
  SUBCASE("1") { steps = 5; }
  SUBCASE("3") { steps = 14; }
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 7, range);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  double last_j = 0;
  for (std::uint64_t i = 1; i <= steps; ++i) {
    sys.set_time(static_cast<double>(i) * 20);  // 25 kJ in 20 s
    sys.set_energy("intel-rapl:0", (7 + i * quarter) % (range + 1));
    last_j = meter->read().energy_j[0];
  }
  CHECK(last_j == static_cast<double>(steps * quarter) * 1e-6);
}

TEST_CASE("powercap unwinds a counter that wraps") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", FakeSys::usual_range_uj - 1'000'000);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  sys.set_energy("intel-rapl:0", 1'999'999);  // 1'000'000 to the end, 1 to reach 0, and these
  CHECK(meter->read().energy_j[0] == doctest::Approx(3.0).epsilon(1e-12));
}

TEST_CASE("powercap names a counter that stepped back") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 5'000'000);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  sys.set_energy("intel-rapl:0", 4'000'000);
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("stepped back"), MeterReadError);
  sys.set_energy("intel-rapl:0", FakeSys::usual_range_uj + 1);
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("intel-rapl:0/energy_uj"), MeterReadError);
}

TEST_CASE("powercap refuses a rise that no processor can cause") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", FakeSys::usual_range_uj / 4 * 3);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  const auto rise = [&](std::uint64_t counter) {
    sys.set_time(0);
    sys.set_energy("intel-rapl:0", FakeSys::usual_range_uj / 4 * 3);
    meter->start();
    sys.set_time(1);
    sys.set_energy("intel-rapl:0", counter);
    return meter->read().energy_j[0];
  };
  CHECK(rise(FakeSys::usual_range_uj / 4 * 3 + 1'000'000'000) == 1000);
  CHECK_THROWS_WITH_AS(rise(FakeSys::usual_range_uj / 4 * 3 + 50'000'000'000), doctest::Contains("50000 J in 1.000 s"),
                       MeterReadError);
  CHECK_THROWS_WITH_AS(rise(0), doctest::Contains("jumped or was reset"), MeterReadError);  // above half its range
}

TEST_CASE("powercap refuses a reading after a gap in which the counter may have wrapped more than once") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 0);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  sys.set_time(meter->sample_interval_s());
  CHECK_NOTHROW(meter->read());
  sys.set_time(500);
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("may have wrapped unseen"), MeterReadError);
}

TEST_CASE("powercap asks to be read well before a small counter wraps") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 0, 1'000'000'000);  // 1 kJ: half a second at 2 kW
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(meter->sample_interval_s() <= 0.125);
  CHECK(meter->sample_interval_s() >= 0.01);
}

TEST_CASE("powercap reports refused permission with the command that grants it") {
  FakeSys sys;
  add_two_packages(sys);
  sys.deny("intel-rapl:1");
  std::vector<MeterAttempt> attempts;
  CHECK_FALSE(open_rapl(sys.environment(), attempts));  // package-0 alone would pass for the whole
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].source == "powercap");
  CHECK(attempts[0].path == sys.file("intel-rapl:1").string());
  CHECK(attempts[0].reason == "Permission denied");
  CHECK(says(attempts[0].remedy, "sudo chmod a+r "));
  CHECK(says(attempts[0].remedy, "/class/powercap/intel-rapl*:*/energy_uj"));
}

TEST_CASE("powercap reads the mmio double where the first of the two cannot be read") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 1);
  sys.add_zone("intel-rapl-mmio:0", "package-0", 1);
  sys.deny("intel-rapl:0");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  REQUIRE(meter->domains().size() == 1);
  CHECK(says(meter->domains()[0].path, "intel-rapl-mmio:0"));
  CHECK(attempts.size() == 1);
}

TEST_CASE("powercap does without a psys that cannot be read") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 1);
  sys.add_zone("intel-rapl:1", "psys", 1);
  sys.deny("intel-rapl:1");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(meter->domains().size() == 1);
  CHECK(attempts.size() == 1);
}

TEST_CASE("powercap reports permission lost while it measures, and can start again") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 10);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_rapl(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  std::filesystem::remove(sys.file("intel-rapl:0"));
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("No such file"), MeterReadError);
  sys.set_energy("intel-rapl:0", 10);
  meter->start();
  CHECK(meter->read().energy_j[0] == 0);
}

TEST_CASE("powercap reports zones whose files are unusable") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 10);
  std::vector<MeterAttempt> attempts;
  SUBCASE("a directory in place of the counter") {
    std::filesystem::remove(sys.file("intel-rapl:0"));
    std::filesystem::create_directory(sys.file("intel-rapl:0"));
    CHECK_FALSE(open_rapl(sys.environment(), attempts));
    CHECK(says(attempts_text(attempts), "Is a directory"));
  }
  SUBCASE("no name") {
    std::filesystem::remove(sys.file("intel-rapl:0", "name"));
    CHECK_FALSE(open_rapl(sys.environment(), attempts));
    CHECK(says(attempts_text(attempts), "intel-rapl:0/name: No such file"));
  }
  SUBCASE("a counter that is no number") {
    sys.set_file("intel-rapl:0", "energy_uj", "12 joules");
    CHECK_FALSE(open_rapl(sys.environment(), attempts));
    CHECK(says(attempts_text(attempts), "holds \"12 joules\", expected microjoules"));
  }
  SUBCASE("an empty counter") {
    sys.set_file("intel-rapl:0", "energy_uj", "");
    CHECK_FALSE(open_rapl(sys.environment(), attempts));
    CHECK(says(attempts_text(attempts), "expected microjoules"));
  }
  SUBCASE("a range of 0") {
    sys.set_file("intel-rapl:0", "max_energy_range_uj", "0");
    CHECK_FALSE(open_rapl(sys.environment(), attempts));
    CHECK(says(attempts_text(attempts), "no usable range (0 uJ)"));
  }
  CHECK(attempts.size() == 1);
}

TEST_CASE("powercap says when there is no powercap, or one without packages") {
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  CHECK_FALSE(open_rapl(sys.environment(), attempts));
  REQUIRE(attempts.size() == 1);
  CHECK(says(attempts[0].reason, "No such file or directory"));
  CHECK(says(attempts[0].remedy, "virtual machine"));

  sys.add_zone("intel-rapl:0", "psys", 1);
  sys.add_zone("dtpm:0", "package-0", 1);
  CHECK_FALSE(open_rapl(sys.environment(), attempts));
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[1].reason == "has no package zone");
}

TEST_CASE("any growing counter modulo its wrap, read often enough, is rebuilt exactly") {
  CHECK(rc::check([] {
    const auto largest = *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 1000),
                                         rc::gen::inRange<std::uint64_t>(1, std::numeric_limits<std::uint64_t>::max()));
    const auto numbers = *rc::gen::arbitrary<std::vector<std::uint64_t>>();
    std::uint64_t position = *rc::gen::arbitrary<std::uint64_t>() % (largest + 1), total = 0;
    WrapCounter counter(largest);
    RC_ASSERT(counter.start(position));
    for (const std::uint64_t number : numbers) {
      const std::uint64_t step = number % ((largest + 1) / 2 + 1);
      position = moved(position, step, largest);
      total += step;
      RC_ASSERT(counter.add(position) == total);
    }
  }));
}

TEST_CASE("any power curve below 2 kW on any package is rebuilt exactly by the powercap meter") {
  CHECK(rc::check([] {
    const auto range = *rc::gen::inRange<std::uint64_t>(1'000'000'000, FakeSys::usual_range_uj);
    std::uint64_t position = *rc::gen::inRange<std::uint64_t>(0, range), total = 0;
    FakeSys sys;
    sys.add_zone("intel-rapl:0", "package-0", position, range);
    std::vector<MeterAttempt> attempts;
    const auto meter = open_rapl(sys.environment(), attempts);
    RC_ASSERT(meter != nullptr);
    double time_s = meter->start();
    for (const auto power_w : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 2000))) {
      const double late_s = meter->sample_interval_s() * 3;  // a thread that comes late, but not too late
      const auto step = static_cast<std::uint64_t>(late_s * power_w * 1e6);
      sys.set_time(time_s += late_s);
      sys.set_energy("intel-rapl:0", position = moved(position, step, range));
      total += step;
      RC_ASSERT(meter->read().energy_j.at(0) == static_cast<double>(total) * 1e-6);
    }
  }));
}
