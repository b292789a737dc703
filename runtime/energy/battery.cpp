#include "runtime/energy/battery.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/energy/sensor_meter.h"
#include "runtime/energy/sys_files.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_name = "battery";
constexpr double update_period = 1;  // fuel gauges renew about once a second
constexpr const char* remedy_on_mains = "unplug the power supply: a battery meters while it discharges";

void require_discharging(const SysFiles& files, const fs::path& folder) {
  const std::string status = files.line(folder / "status");
  if (status != "Discharging")
    throw MeterReadError({source_name, (folder / "status").string(), fmt::format("is {}", status), remedy_on_mains});
}

Sensor battery(const SysFiles& files, const fs::path& folder) {
  require_discharging(files, folder);
  const EnergyDomain domain{source_name, folder.filename().string(), folder.string(), DomainKind::machine};
  if (files.exists(folder / "power_now"))
    return {domain, Sensor::Kind::power, 1e-6, [files, folder] {
              require_discharging(files, folder);
              return files.magnitude(folder / "power_now", "microwatts");
            }};
  return {domain, Sensor::Kind::power, 1e-12, [files, folder] {
            require_discharging(files, folder);
            return files.magnitude(folder / "current_now", "microamperes") *
                   files.magnitude(folder / "voltage_now", "microvolts");
          }};
}

}  // namespace

std::unique_ptr<EnergyMeter> open_battery(const MeterEnvironment& environment,
                                          std::vector<MeterAttempt>& attempts) try {
  const SysFiles files(environment, source_name, "", [](const fs::path& path) { return make_readable(path); });
  const fs::path root = environment.sys_root / "class" / "power_supply";
  std::vector<Sensor> sensors;
  std::vector<MeterAttempt> failed;
  for (const fs::path& folder : files.entries(root)) try {
      if (files.optional_line(folder / "type") != "Battery") continue;
      if (files.optional_line(folder / "scope") == "Device") continue;
      Sensor sensor = battery(files, folder);
      sensor.read();
      sensors.push_back(std::move(sensor));
    } catch (const MeterReadError& error) {
      failed.push_back(error.attempt);
    }
  if (sensors.empty() && failed.empty()) failed.push_back({source_name, root.string(), "the machine has none", ""});
  attempts.insert(attempts.end(), failed.begin(), failed.end());
  return sensors.empty() ? nullptr
                         : std::make_unique<SensorMeter>(std::move(sensors), environment.clock, update_period);
} catch (const MeterReadError& error) {
  attempts.push_back(error.attempt);
  return nullptr;
}

}  // namespace cascadecl
