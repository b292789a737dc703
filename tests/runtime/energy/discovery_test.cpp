#include <doctest/doctest.h>

#include "runtime/energy/count_once.h"
#include "tests/support/fake_machine.h"
#include "tests/support/fake_power.h"
#include "tests/support/loaded_fake_nvml.h"

using namespace cascadecl;

namespace {

using Names = std::vector<std::string>;
using namespace std::string_literals;

const std::string bus_id = "0000:65:00.0", apu_bus_id = "0000:c1:00.0", apu = "pci0000:00/0000:00:08.1/" + apu_bus_id;

void add_apu(FakeSys& sys) {
  sys.add_chip("hwmon4", apu, "amdgpu");
  sys.set_chip("hwmon4", "power1_average", "15000000");
  sys.add_file("devices/" + apu + "/gpu_metrics", "\x80\x00\x02\x04"s);
}

void add_battery(FakeSys& sys) {
  for (const auto& [file, text] : std::vector<std::pair<std::string, std::string>>{
           {"type", "Battery"}, {"status", "Discharging"}, {"power_now", "9000000"}})
    sys.add_file("class/power_supply/BAT0/" + file, text);
}

// Why the domain of that name is left out; "counted" if it is not.
std::string why_not(const MeterList& meters, const std::string& name) {
  for (const auto& meter : meters)
    for (const EnergyDomain& domain : meter->domains())
      if (domain.name == name) return domain.counted ? "counted" : domain.why_not;
  return "absent";
}

}  // namespace

TEST_CASE("discover_meters counts overlapping domains of a CPU once") {
  FakeSys sys;
  for (const auto& [zone, name] : std::vector<std::pair<std::string, std::string>>{{"intel-rapl:0", "package-0"},
                                                                                   {"intel-rapl:0:0", "core"},
                                                                                   {"intel-rapl:0:1", "uncore"},
                                                                                   {"intel-rapl:0:2", "dram"},
                                                                                   {"intel-rapl:1", "psys"},
                                                                                   {"intel-rapl-mmio:0", "package-0"}})
    sys.add_zone(zone, name, 1);
  const MeterDiscovery found = discover_meters(sys.environment());
  CHECK(found.complete);
  CHECK(counted_names(found.meters) == Names{"package-0", "package-0 dram"});
  CHECK(why_not(found.meters, "package-0 core") == "inside a package");
  CHECK(why_not(found.meters, "psys") == "contains the packages");
}

TEST_CASE("count_once leaves out a die where its package is metered whole") {
  FakeMachine machine;
  const auto zone = [](const std::string& name) { return EnergyDomain{"fake", name, name, DomainKind::package}; };
  MeterList meters;
  meters.push_back(std::make_unique<FakeMeter>(
      machine, std::vector{zone("package-0"), zone("package-0-die-0"), zone("package-1-die-0")},
      std::vector<double>{1, 1, 1}));
  CHECK(count_once(meters, {}));
  CHECK(counted_names(meters) == Names{"package-0", "package-1-die-0"});
}

TEST_CASE("discover_meters reads perf events where powercap is closed, and then amd_energy") {
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 1);
  sys.deny("intel-rapl:0");
  sys.add_chip("hwmon0", "platform/amd_energy.0", "amd_energy");
  sys.set_chip("hwmon0", "energy1_label", "Esocket0");
  sys.set_chip("hwmon0", "energy1_input", "1");
  const MeterDiscovery by_hwmon = discover_meters(sys.environment());
  CHECK(by_hwmon.complete);
  CHECK(by_hwmon.meters.at(0)->domains().at(0).source == "hwmon");
  CHECK(by_hwmon.attempts.size() == 2);

  add_perf_power(sys);
  const MeterDiscovery by_perf = discover_meters(sys.environment());
  CHECK(by_perf.complete);
  CHECK(by_perf.meters.at(0)->domains().at(0).source == "perf");
  CHECK(by_perf.attempts.size() == 1);
}

TEST_CASE("discover_meters is complete only if every device that works has a meter") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  const MeterEnvironment environment = nvml.environment(sys);
  CHECK(discover_meters(environment, {.cpu = false, .gpus = {bus_id}}).complete);
  CHECK(discover_meters(environment, {.cpu = false, .gpus = {bus_id, bus_id}}).meters.size() == 1);
  CHECK_FALSE(discover_meters(environment, {.cpu = true, .gpus = {bus_id}}).complete);
  CHECK_FALSE(discover_meters(environment, {.cpu = false, .gpus = {bus_id, "0000:66:00.0"}}).complete);
  CHECK_FALSE(discover_meters(environment, {.cpu = false, .gpus = {}}).complete);

  sys.add_zone("intel-rapl:0", "package-0", 1);
  CHECK(discover_meters(environment, {.cpu = true, .gpus = {}}).complete);
  const MeterDiscovery gpu_alone = discover_meters(environment, {.cpu = false, .gpus = {bus_id}});
  CHECK(counted_names(gpu_alone.meters) == Names{"Fake GPU"});
  CHECK(why_not(gpu_alone.meters, "package-0") == "the CPU is not among the devices that run the work");
}

TEST_CASE("discover_meters finds the driver's sensor of a GPU that NVML does not know") {
  FakeSys sys;
  sys.add_chip("hwmon4", "pci0000:00/0000:00:01.1/" + bus_id, "amdgpu");
  sys.set_chip("hwmon4", "power1_input", "50000000");
  const MeterDiscovery found = discover_meters(sys.environment(), {.cpu = false, .gpus = {bus_id}});
  CHECK(found.complete);
  CHECK(counted_names(found.meters) == Names{"amdgpu"});
}

TEST_CASE("discover_meters adds no APU's figure to the package that it includes") {
  FakeSys sys;
  add_apu(sys);
  const MeterTarget target{.cpu = true, .gpus = {}, .integrated_gpus = {apu_bus_id}};
  const MeterDiscovery alone = discover_meters(sys.environment(), target);
  CHECK(alone.complete);  // it stands for the CPU
  CHECK(counted_names(alone.meters) == Names{"amdgpu"});

  sys.add_zone("intel-rapl:0", "package-0", 1);
  const MeterDiscovery with_package = discover_meters(sys.environment(), target);
  CHECK(with_package.complete);
  CHECK(counted_names(with_package.meters) == Names{"package-0"});
  CHECK(why_not(with_package.meters, "amdgpu") == "contains the package, or lies in it");
}

TEST_CASE("discover_meters falls back on the battery, which then counts alone") {
  FakeSys sys;
  add_battery(sys);
  CHECK(counted_names(discover_meters(sys.environment()).meters) == Names{"BAT0"});

  sys.add_zone("intel-rapl:0", "package-0", 1);
  const MeterDiscovery cpu = discover_meters(sys.environment());
  CHECK(counted_names(cpu.meters) == Names{"package-0"});
  CHECK(why_not(cpu.meters, "BAT0") == "absent");

  const MeterDiscovery gpu_too = discover_meters(sys.environment(), {.cpu = true, .gpus = {bus_id}});
  CHECK(gpu_too.complete);
  CHECK(counted_names(gpu_too.meters) == Names{"BAT0"});
  CHECK(why_not(gpu_too.meters, "package-0") == "inside what feeds the machine");
}

TEST_CASE("discover_meters takes supply lines of unknown extent for no total") {
  FakeSys sys;
  sys.add_chip("hwmon5", "platform/i2c-1/1-0041", "ina226");
  sys.set_chip("hwmon5", "power1_input", "3000000");
  const MeterDiscovery found = discover_meters(sys.environment());
  CHECK_FALSE(found.complete);
  CHECK(counted_names(found.meters).empty());
  CHECK(found.attempts.at(3).reason == "meters supply lines, none of them known as the input of the board");
  CHECK(why_not(found.meters, "ina226 line 1") == "a supply line of unknown extent");
}

TEST_CASE("discover_meters names every source when there is no counter at all") {
  const FakeSys sys;
  const MeterDiscovery found = discover_meters(sys.environment());
  CHECK(found.meters.empty());
  CHECK_FALSE(found.complete);
  Names sources;
  for (const auto& attempt : found.attempts) {
    sources.push_back(attempt.source);
    CHECK_FALSE(attempt.reason.empty());
  }
  CHECK(sources == Names{"powercap", "perf", "hwmon", "hwmon", "battery", "nvml"});
}
