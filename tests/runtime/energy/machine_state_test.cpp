#include "runtime/energy/machine_state.h"

#include <doctest/doctest.h>

#include "runtime/energy/nvml.h"
#include "tests/support/loaded_fake_nvml.h"

using namespace cascadecl;

TEST_CASE("machine_state tells governor, clocks, throttling and mains") {
  FakeSys sys;
  for (const std::string cpu : {"cpu0", "cpu1"}) {
    const std::string folder = "devices/system/cpu/" + cpu + "/";
    sys.add_file(folder + "cpufreq/scaling_governor", "powersave");
    sys.add_file(folder + "cpufreq/scaling_cur_freq", cpu == "cpu0" ? "1000000" : "3000000");
    sys.add_file(folder + "thermal_throttle/core_throttle_count", "2");
    sys.add_file(folder + "thermal_throttle/package_throttle_count", "1");
  }
  sys.add_file("devices/system/cpu/cpufreq/scaling_governor", "none of ours");
  sys.add_file("class/power_supply/AC/type", "Mains");
  sys.add_file("class/power_supply/AC/online", "0");
  const MachineState state = machine_state(sys.environment(), {});
  CHECK(state.governor == "powersave");
  CHECK(state.cpu_mhz == 2000);
  CHECK(state.throttles == 6);
  CHECK(state.on_mains == false);
  CHECK(state.devices.empty());
}

TEST_CASE("machine_state tells the clock and the throttling of a card") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  nvml->clock_mhz = 1200;
  nvml->throttle_reasons = 0x40;
  std::vector<MeterAttempt> attempts;
  const MeterEnvironment environment = nvml.environment(sys);
  const MachineState state = machine_state(environment, open_nvml(environment, {"0000:65:00.0"}, attempts));
  REQUIRE(state.devices.size() == 1);
  CHECK(state.devices[0].first == "0000:65:00.0");
  CHECK(state.devices[0].second.clock_mhz == 1200);
  CHECK(state.devices[0].second.throttling == "hardware thermal");
}

TEST_CASE("machine_state leaves empty what it cannot read") {
  const FakeSys sys;
  const MachineState state = machine_state(sys.environment(), {});
  CHECK(state.governor.empty());
  CHECK_FALSE(state.cpu_mhz);
  CHECK_FALSE(state.throttles);
  CHECK_FALSE(state.on_mains);
}
