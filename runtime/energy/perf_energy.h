#pragma once
#include <memory>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Opens the CPU energy counters that the kernel offers as performance events of the "power" unit, under
// <sys_root>/bus/event_source/devices/power, with environment.open_perf. It is the same hardware as powercap, for
// systems where powercap is missing or closed. One CPU of each package counts for the package.
//   energy-pkg    kind package: "package-0", or "package-0-die-1" where a package has several
//   energy-cores, energy-gpu, energy-ram, energy-psys   its parts, memory, the platform, where they are
// Returns null if the unit is not there or a package cannot be opened. Each failure is appended to attempts.
std::unique_ptr<EnergyMeter> open_perf_energy(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

// perf_event_open(2) for all processes on that CPU; the counter closes with its last copy. Throws std::system_error.
PerfCounter open_kernel_perf_counter(const PerfEvent& event);

}  // namespace cascadecl
