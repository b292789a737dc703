#pragma once
#include <memory>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// A meter of the whole machine (kind machine) while it runs on batteries. Opens the batteries under
// <sys_root>/class/power_supply that discharge and integrates their power (power_now in microwatts, or current_now
// times voltage_now). Batteries of attached devices (scope Device) do not count. Reading throws once a battery no
// longer discharges. Returns null where none discharges, with the reason appended to attempts.
std::unique_ptr<EnergyMeter> open_battery(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
