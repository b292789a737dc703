#pragma once
#include "runtime/energy/meter.h"

namespace cascadecl {

// Decides which domains add up to the energy of the target, so that none lies inside another, and leaves the others
// out with the reason:
//   psys contains the packages, a package its parts and, where it is metered whole, its dies; DRAM lies beside them;
//   an APU's figure at its GPU contains the CPU, and stands for it where no package is metered;
//   what feeds the machine contains all, and counts alone, and only where a device of the target has no meter else.
// True if every device of the target is covered.
bool count_once(MeterList& meters, const MeterTarget& target);

}  // namespace cascadecl
