#pragma once
#include <vector>

#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// What must be metered when these devices run the work: the CPU for CPUs and integrated GPUs, and each graphics card,
// integrated ones too, by its PCI bus id ("" where the driver does not tell it). A device listed twice counts once.
MeterTarget meter_target(const std::vector<DeviceInfo>& devices);
MeterTarget meter_target(const std::vector<Device>& devices);

}  // namespace cascadecl
