#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Meters from the kernel's hardware monitoring under <sys_root>/class/hwmon. All functions return null where there is
// no such sensor or it cannot be read, with the reason appended to attempts.

// The GPU at a PCI bus id, from its driver (amdgpu, i915, xe): energy1_input in microjoules, else power1_average or
// power1_input in microwatts, integrated. The kind is gpu; for an APU of amdgpu it is soc, since the figure includes
// the CPU. An APU is known by the format of gpu_metrics of its device, which is 2 or more.
std::unique_ptr<EnergyMeter> open_hwmon_gpu(const MeterEnvironment& environment, const std::string& bus_id,
                                            std::vector<MeterAttempt>& attempts);

// The CPU sockets of the driver amd_energy: "package-0" and so on.
std::unique_ptr<EnergyMeter> open_hwmon_cpu(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

// The whole machine (kind machine): the ACPI power meter (power_meter), else the input of a board. That is one of the
// supply lines that INA sensors meter (ina219, ina226, ina3221, ...), known by its label (VDD_IN, VIN, POM_5V_IN,
// total, ...). The other lines are of kind rail.
std::unique_ptr<EnergyMeter> open_hwmon_machine(const MeterEnvironment& environment,
                                                std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
