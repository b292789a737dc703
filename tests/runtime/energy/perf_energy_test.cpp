#include "runtime/energy/perf_energy.h"

#include <doctest/doctest.h>

#include "tests/support/fake_power.h"

using namespace cascadecl;

namespace {
const std::string unit = "bus/event_source/devices/power/";
}

TEST_CASE("perf events meter each socket and its memory, in the scale that the kernel tells") {
  FakeSys sys;
  add_perf_power(sys);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_perf_energy(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(attempts.empty());
  REQUIRE(meter->domains().size() == 4);
  CHECK(meter->domains()[0].name == "package-0");
  CHECK(meter->domains()[1].name == "package-1");
  CHECK(meter->domains()[2].name == "package-0 dram");
  CHECK(meter->domains()[2].kind == DomainKind::memory);
  sys.set_time(3);
  CHECK(meter->start() == 3);
  sys.set_perf(9, 2, 8, 110);
  sys.set_perf(9, 3, 0, 107);
  CHECK(meter->read().energy_j == std::vector<double>{0, 2.5, 7, 0});
}

TEST_CASE("perf events tell the dies of a package apart") {
  FakeSys sys;
  add_perf_power(sys);
  sys.add_file("devices/system/cpu/cpu8/topology/physical_package_id", "0");
  sys.add_file("devices/system/cpu/cpu0/topology/die_id", "0");
  sys.add_file("devices/system/cpu/cpu8/topology/die_id", "1");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_perf_energy(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(meter->domains()[0].name == "package-0-die-0");
  CHECK(meter->domains()[1].name == "package-0-die-1");
}

TEST_CASE("perf events report why they do not serve") {
  FakeSys sys;
  add_perf_power(sys);
  std::string reason, remedy;
  SUBCASE("no such unit") {
    sys.remove_file(unit + "cpumask");
    reason = "No such file";
    remedy = "virtual machine";
  }
  SUBCASE("no permission") {
    sys.deny_perf();
    reason = "CPU 0: Permission denied";
    remedy = "sudo sysctl kernel.perf_event_paranoid=0";
  }
  SUBCASE("a unit that counts something else") {
    sys.add_file(unit + "events/energy-pkg.unit", "Watts");
    reason = "holds \"Watts\", expected Joules";
  }
  SUBCASE("a scale that is none") {
    sys.add_file(unit + "events/energy-pkg.scale", "-1");
    reason = "holds \"-1\", expected a scale";
  }
  SUBCASE("an event that is none") {
    sys.add_file(unit + "events/energy-pkg", "umask=0x02");
    reason = "expected event=0x..";
  }
  SUBCASE("CPUs that are none") {
    sys.add_file(unit + "cpumask", "0-x");
    reason = "holds \"0-x\", expected a list of CPUs";
  }
  SUBCASE("a socket whose counter is not there") {
    sys.add_file(unit + "cpumask", "0,8-9");
    reason = "CPU 9: No such device";
  }
  std::vector<MeterAttempt> attempts;
  CHECK_FALSE(open_perf_energy(sys.environment(), attempts));
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].source == "perf");
  CHECK_MESSAGE(says(attempts[0].reason, reason), attempts[0].reason);
  CHECK_MESSAGE(says(attempts[0].remedy, remedy), attempts[0].remedy);
}

TEST_CASE("perf events report permission lost midway and a counter that goes backwards") {
  FakeSys sys;
  add_perf_power(sys);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_perf_energy(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  SUBCASE("permission") {
    sys.deny_perf();
    CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("energy-pkg: CPU 0: Permission denied"), MeterReadError);
  }
  SUBCASE("backwards") {
    sys.set_perf(9, 2, 8, 99);
    CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("went backwards, from 100 to 99"), MeterReadError);
  }
}

TEST_CASE("perf events do without a memory counter that cannot be opened") {
  FakeSys sys;
  add_perf_power(sys);
  sys.add_file(unit + "events/energy-ram", "event=0x7");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_perf_energy(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(meter->domains().size() == 2);
  CHECK(attempts.size() == 2);
}

TEST_CASE("the kernel refuses a performance event that does not exist") {
  CHECK_THROWS_AS(open_kernel_perf_counter({.type = 0xFFFFFFF0U, .config = 2, .cpu = 0}), std::system_error);
}
