#pragma once
#include <memory>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Opens the CPU energy counters of Linux powercap (RAPL; Intel and AMD) under <sys_root>/class/powercap.
//   domains   one per package, and psys (kind platform, never counted: it contains the packages). The subzones core,
//             uncore and dram are not read. A zone that both intel-rapl and intel-rapl-mmio offer is read once.
//   counted   whether the packages belong to the total
// Null if there is none, or if one package cannot be read: the others alone would pass for the whole.
// Each failure is appended to attempts; for a refused permission the remedy is the command that grants it.
// The environment's functions are copied, so that the environment need not outlive the meter.
std::unique_ptr<EnergyMeter> open_rapl(const MeterEnvironment& environment, bool counted,
                                       std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
