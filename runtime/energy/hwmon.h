#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Sensors of the kernel's hardware monitoring under <sys_root>/class/hwmon. All functions return null where there is no
// such sensor or it cannot be read, with the reason appended to attempts.

// The GPU at a PCI bus id, as its driver (amdgpu, i915, xe) offers it: energy1_input in microjoules, else
// power1_average or power1_input in microwatts, integrated. Kind gpu; kind soc for an APU of amdgpu, whose figure
// includes the CPU: the file gpu_metrics of its device then has a format of 2 or more.
std::unique_ptr<EnergyMeter> open_hwmon_gpu(const MeterEnvironment& environment, const std::string& bus_id,
                                            std::vector<MeterAttempt>& attempts);

// The CPU sockets of the driver amd_energy: "package-0" and so on.
std::unique_ptr<EnergyMeter> open_hwmon_cpu(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts);

// What feeds the whole machine: the ACPI power meter (power_meter), else the input of a board among the supply lines
// that INA sensors meter (ina219, ina226, ina3221, ...), known by its label (VDD_IN, VIN, POM_5V_IN, total, ...), kind
// machine. The other lines are of kind rail.
std::unique_ptr<EnergyMeter> open_hwmon_machine(const MeterEnvironment& environment,
                                                std::vector<MeterAttempt>& attempts);

}  // namespace cascadecl
