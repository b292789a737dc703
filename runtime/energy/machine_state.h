#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// What bears on speed and power beside the work; what cannot be read is empty.
struct MachineState {
  std::string governor;                   // of all CPUs: "performance", or "performance, powersave"
  std::optional<double> cpu_mhz;          // mean over the CPUs, right now
  std::optional<std::int64_t> throttles;  // how often the CPUs and packages were throttled for heat since the start
  std::optional<bool> on_mains;           // false: on battery
  std::vector<std::pair<std::string, DeviceState>> devices;  // those of the meters that tell, by PCI bus id
};

MachineState machine_state(const MeterEnvironment& environment, const MeterList& meters);

}  // namespace cascadecl
