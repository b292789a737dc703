#include "runtime/energy/battery.h"

#include <doctest/doctest.h>

#include "tests/support/fake_power.h"

using namespace cascadecl;

namespace {

const std::string bat0 = "class/power_supply/BAT0/";

void add_battery(FakeSys& sys, const std::string& folder, const std::string& status) {
  sys.add_file(folder + "type", "Battery");
  sys.add_file(folder + "status", status);
}

}  // namespace

TEST_CASE("a battery that discharges meters the machine by its power") {
  FakeSys sys;
  add_battery(sys, bat0, "Discharging");
  sys.add_file(bat0 + "power_now", "12000000");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_battery(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(attempts.empty());
  CHECK(meter->domains().at(0).name == "BAT0");
  CHECK(meter->domains()[0].kind == DomainKind::machine);
  meter->start();
  sys.set_time(10);
  CHECK(meter->read().energy_j[0] == doctest::Approx(120));
}

TEST_CASE("a battery's power may come as current, of either sign, and voltage") {
  FakeSys sys;
  add_battery(sys, bat0, "Discharging");
  sys.add_file(bat0 + "current_now", "-1500000");
  sys.add_file(bat0 + "voltage_now", "12000000");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_battery(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  sys.set_time(1);
  CHECK(meter->read().energy_j[0] == doctest::Approx(18));
}

TEST_CASE("a battery that stops discharging ends the measurement") {
  FakeSys sys;
  add_battery(sys, bat0, "Discharging");
  sys.add_file(bat0 + "power_now", "12000000");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_battery(sys.environment(), attempts);
  REQUIRE(meter);
  meter->start();
  sys.add_file(bat0 + "status", "Charging");
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("is Charging"), MeterReadError);
}

TEST_CASE("batteries that do not meter are reported, those of other devices ignored") {
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  add_battery(sys, "class/power_supply/mouse/", "Discharging");
  sys.add_file("class/power_supply/mouse/scope", "Device");
  sys.add_file("class/power_supply/AC/type", "Mains");
  CHECK_FALSE(open_battery(sys.environment(), attempts));
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].reason == "the machine has none");

  add_battery(sys, bat0, "Full");
  CHECK_FALSE(open_battery(sys.environment(), attempts));
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[1].reason == "is Full");
  CHECK(says(attempts[1].remedy, "unplug"));
}
