#include "runtime/energy/machine_state.h"

#include <algorithm>
#include <set>

#include "runtime/energy/sys_files.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

std::optional<double> number_in(const SysFiles& files, const fs::path& path) try {
  return static_cast<double>(files.number(path, "a number"));
} catch (const MeterReadError&) {
  return std::nullopt;
}

std::vector<fs::path> entries(const SysFiles& files, const fs::path& folder) try {
  return files.entries(folder);
} catch (const MeterReadError&) {
  return {};
}

// "cpu0", but not "cpufreq".
bool is_cpu(const std::string& name) {
  return name.size() > 3 && name.starts_with("cpu") && name.find_first_not_of("0123456789", 3) == std::string::npos;
}

void read_cpus(const SysFiles& files, const fs::path& folder, MachineState& state) {
  std::set<std::string> governors;
  double mhz = 0, throttles = 0;
  int clocks = 0;
  bool throttles_known = false;
  for (const fs::path& cpu : entries(files, folder)) {
    if (!is_cpu(cpu.filename().string())) continue;
    if (const auto governor = files.optional_line(cpu / "cpufreq" / "scaling_governor")) governors.insert(*governor);
    if (const auto khz = number_in(files, cpu / "cpufreq" / "scaling_cur_freq")) {
      mhz += *khz / 1e3;
      ++clocks;
    }
    for (const char* counter : {"core_throttle_count", "package_throttle_count"})
      if (const auto count = number_in(files, cpu / "thermal_throttle" / counter)) {
        throttles += *count;
        throttles_known = true;
      }
  }
  for (const std::string& governor : governors) state.governor += (state.governor.empty() ? "" : ", ") + governor;
  if (clocks > 0) state.cpu_mhz = mhz / clocks;
  if (throttles_known) state.throttles = static_cast<std::int64_t>(throttles);
}

std::optional<bool> on_mains(const SysFiles& files, const fs::path& supplies) {
  std::optional<bool> online;
  for (const fs::path& supply : entries(files, supplies)) {
    const auto type = files.optional_line(supply / "type");
    if (type != "Mains" && type != "USB") continue;
    if (const auto value = files.optional_line(supply / "online")) online = online.value_or(false) || *value != "0";
  }
  return online;
}

}  // namespace

MachineState machine_state(const MeterEnvironment& environment, const MeterList& meters) {
  const SysFiles files(environment, "machine", "", [](const fs::path&) { return std::string(); });
  MachineState state;
  read_cpus(files, environment.sys_root / "devices" / "system" / "cpu", state);
  state.on_mains = on_mains(files, environment.sys_root / "class" / "power_supply");
  for (const auto& meter : meters) {
    const DeviceState device = meter->state();
    if (device.clock_mhz || !device.throttling.empty())
      state.devices.emplace_back(meter->domains().front().path, device);
  }
  return state;
}

}  // namespace cascadecl
