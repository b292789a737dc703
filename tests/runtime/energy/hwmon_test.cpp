#include "runtime/energy/hwmon.h"

#include <doctest/doctest.h>

#include "tests/support/fake_power.h"

using namespace cascadecl;

namespace {

using namespace std::string_literals;

const std::string bus_id = "0000:03:00.0", bridge = "pci0000:00/0000:00:01.1/", device = bridge + bus_id;

// An amdgpu card with a nearer neighbour of the same kind, which comes first in every list.
void add_two_cards(FakeSys& sys) {
  sys.add_chip("hwmon1", "pci0000:00/0000:00:02.0/0000:01:00.0", "amdgpu");
  sys.set_chip("hwmon1", "power1_average", "7000000");
  sys.add_chip("hwmon4", device, "amdgpu");
  sys.set_chip("hwmon4", "power1_average", "50000000");
}

}  // namespace

TEST_CASE("hwmon integrates the power of the amdgpu card at a PCI address, whatever its place in the list") {
  FakeSys sys;
  add_two_cards(sys);
  std::vector<MeterAttempt> attempts;
  const auto meter = open_hwmon_gpu(sys.environment(), bus_id, attempts);
  REQUIRE(meter);
  CHECK(meter->domains().at(0).kind == DomainKind::gpu);
  CHECK(meter->domains().at(0).path == bus_id);
  CHECK(meter->sample_interval_s() <= meter->update_period_s() / 2);
  meter->start();
  sys.set_time(1);
  sys.set_chip("hwmon4", "power1_average", "150000000");
  CHECK(meter->read().energy_j[0] == doctest::Approx(100));
  sys.set_time(3);
  CHECK(meter->read().energy_j[0] == doctest::Approx(400));
}

TEST_CASE("hwmon reads the energy counter of an Intel card rather than its power") {
  FakeSys sys;
  sys.add_chip("hwmon2", device, "i915");
  sys.set_chip("hwmon2", "energy1_input", "1000000");
  sys.set_chip("hwmon2", "power1_input", "5");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_hwmon_gpu(sys.environment(), bus_id, attempts);
  REQUIRE(meter);
  CHECK(meter->sample_interval_s() == 1);
  meter->start();
  sys.set_chip("hwmon2", "energy1_input", "3500000");
  CHECK(meter->read().energy_j[0] == 2.5);
  sys.set_chip("hwmon2", "energy1_input", "2000000");
  CHECK_THROWS_WITH_AS(meter->read(), doctest::Contains("went backwards"), MeterReadError);
}

TEST_CASE("hwmon knows an APU, whose figure includes the CPU, by the format of its table") {
  FakeSys sys;
  add_two_cards(sys);
  DomainKind kind = DomainKind::gpu;
  SUBCASE("a card") { sys.add_file("devices/" + device + "/gpu_metrics", "\x80\x00\x01\x03"s); }
  SUBCASE("an APU") {
    sys.add_file("devices/" + device + "/gpu_metrics", "\x80\x00\x02\x04"s);
    kind = DomainKind::soc;
  }
  std::vector<MeterAttempt> attempts;
  const auto meter = open_hwmon_gpu(sys.environment(), bus_id, attempts);
  REQUIRE(meter);
  CHECK(meter->domains().at(0).kind == kind);
}

TEST_CASE("hwmon reports why a GPU has no sensor") {
  FakeSys sys;
  add_two_cards(sys);
  std::string wanted = bus_id, reason, remedy;
  SUBCASE("another address") {
    wanted = "0000:04:00.0";
    reason = "no energy or power sensor at PCI address 0000:04:00.0";
  }
  SUBCASE("no address") {
    wanted = "";
    reason = "tells no PCI bus id";
  }
  SUBCASE("no permission") {
    sys.deny_file("class/hwmon/hwmon4/power1_average");
    reason = "Permission denied";
    remedy = "sudo chmod a+r ";
  }
  SUBCASE("no number") {
    sys.set_chip("hwmon4", "power1_average", "N/A");
    reason = "holds \"N/A\", expected microwatts";
  }
  std::vector<MeterAttempt> attempts;
  CHECK_FALSE(open_hwmon_gpu(sys.environment(), wanted, attempts));
  REQUIRE(attempts.size() == 1);
  CHECK_MESSAGE(says(attempts[0].reason, reason), attempts[0].reason);
  CHECK(says(attempts[0].remedy, remedy));
}

TEST_CASE("hwmon reads the CPU sockets of amd_energy and not their cores") {
  FakeSys sys;
  sys.add_chip("hwmon0", "platform/amd_energy.0", "amd_energy");
  sys.set_chip("hwmon0", "energy1_label", "Ecore000");
  sys.set_chip("hwmon0", "energy1_input", "1");
  sys.set_chip("hwmon0", "energy17_label", "Esocket0");
  sys.set_chip("hwmon0", "energy17_input", "4000000");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_hwmon_cpu(sys.environment(), attempts);
  REQUIRE(meter);
  REQUIRE(meter->domains().size() == 1);
  CHECK(meter->domains()[0].name == "package-0");
  meter->start();
  sys.set_chip("hwmon0", "energy17_input", "5000000");
  CHECK(meter->read().energy_j[0] == 1);
}

TEST_CASE("hwmon takes the input of a board among its supply lines for the machine") {
  FakeSys sys;
  sys.add_chip("hwmon3", "platform/i2c-1/1-0040", "ina3221");
  const std::vector<std::string> labels = {"VDD_CPU_GPU_CV", "VDD_IN", "VDD_SOC"};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    sys.set_chip("hwmon3", "in" + number + "_label", labels[i]);
    sys.set_chip("hwmon3", "in" + number + "_input", "5000");
    sys.set_chip("hwmon3", "curr" + number + "_input", std::to_string(1000 * (i + 1)));
  }
  sys.add_chip("hwmon5", "platform/i2c-1/1-0041", "ina226");
  sys.set_chip("hwmon5", "power1_input", "3000000");
  std::vector<MeterAttempt> attempts;
  const auto meter = open_hwmon_machine(sys.environment(), attempts);
  REQUIRE(meter);
  REQUIRE(meter->domains().size() == 4);
  for (const EnergyDomain& domain : meter->domains())
    CHECK(domain.kind == (domain.name == "VDD_IN" ? DomainKind::machine : DomainKind::rail));
  meter->start();
  sys.set_time(2);
  CHECK(meter->read().energy_j == std::vector<double>{10, 20, 30, 6});
}

TEST_CASE("hwmon prefers the ACPI power meter for the machine, and says when there is nothing") {
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  CHECK_FALSE(open_hwmon_machine(sys.environment(), attempts));
  CHECK_FALSE(open_hwmon_cpu(sys.environment(), attempts));
  sys.add_chip("hwmon0", "platform/thermal", "acpitz");
  CHECK_FALSE(open_hwmon_machine(sys.environment(), attempts));
  CHECK_FALSE(open_hwmon_cpu(sys.environment(), attempts));
  REQUIRE(attempts.size() == 4);
  CHECK(says(attempts[0].reason, "No such file"));
  CHECK(attempts[2].reason == "has no sensor of a whole machine");
  CHECK(attempts[3].reason == "has no CPU sensor");

  sys.add_chip("hwmon1", "platform/ACPI000D", "power_meter");
  sys.set_chip("hwmon1", "power1_average", "90000000");
  const auto meter = open_hwmon_machine(sys.environment(), attempts);
  REQUIRE(meter);
  CHECK(meter->domains().at(0).kind == DomainKind::machine);
  CHECK(meter->domains()[0].name == "ACPI power meter");
}
