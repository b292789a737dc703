#pragma once
#include <memory>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Opens the CPU energy counters of Linux powercap (RAPL; Intel and AMD) under <sys_root>/class/powercap.
//   domains   each package ("package-0") or die ("package-0-die-1"), its parts ("package-0 core", "package-0 uncore")
//             and its memory ("package-0 dram"), and psys (kind platform). A zone that both intel-rapl and
//             intel-rapl-mmio offer is read once.
// Returns null if there is none, or if one package cannot be read, since the others alone would pass for the whole.
// Parts, memory and psys may be missing. Each failure is appended to attempts. The remedy of a refused permission is
// the command that grants it. The environment's functions are copied, so the environment need not outlive the meter.
std::unique_ptr<EnergyMeter> open_rapl(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
