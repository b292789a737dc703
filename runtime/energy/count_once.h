#pragma once
#include "runtime/energy/meter.h"

namespace cascadecl {

// Decides which domains add up to the energy of the target, so that nothing is counted twice. The others are left out,
// with the reason:
//   psys contains the packages;
//   a package contains its parts and, where it is metered whole, its dies; DRAM is not part of it;
//   an APU's figure at its GPU contains the CPU, and stands for it where no package is metered;
//   the meter of the whole machine contains everything. It counts only where a device of the target has no other meter,
//   and then alone.
// Returns whether every device of the target is covered.
bool count_once(MeterList& meters, const MeterTarget& target);

}  // namespace cascadecl
