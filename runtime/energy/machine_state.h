#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Influences on speed and power other than the work. What cannot be read is empty.
struct MachineState {
  std::string governor;                   // of all CPUs: "performance", or "performance, powersave"
  std::optional<double> cpu_mhz;          // mean over the CPUs, right now
  std::optional<std::int64_t> throttles;  // how often the CPUs and packages were throttled for heat since the start
  std::optional<bool> on_mains;           // false: on battery
  std::vector<std::pair<std::string, DeviceState>> devices;  // by PCI bus id, where the meter tells
};

MachineState machine_state(const MeterEnvironment& environment, const MeterList& meters);

}  // namespace cascadecl
