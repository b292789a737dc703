#pragma once
#include <string_view>

#include "runtime/energy/energy_model.h"

namespace cascadecl {

// --energy-model WATTS[:IDLE]: WATTS above 0, IDLE from 0 to WATTS. Throws UsageError naming the flag.
EnergyModel parse_energy_model(std::string_view text);

}  // namespace cascadecl
