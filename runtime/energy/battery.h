#pragma once
#include <memory>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Opens the batteries under <sys_root>/class/power_supply that discharge: their power (power_now in microwatts, or
// current_now times voltage_now), integrated, is what the whole machine draws. Kind machine; batteries of attached
// devices (scope Device) are none of it. Reading throws once a battery discharges no more. Null where none discharges,
// with the reason appended to attempts.
std::unique_ptr<EnergyMeter> open_battery(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
