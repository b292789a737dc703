#pragma once
#include <vector>

#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// What has to be metered when these devices run the work: the CPU for CPUs and integrated GPUs, each graphics card by
// its PCI bus id as the driver tells it ("" where it does not), integrated ones too. A device listed twice counts once.
MeterTarget meter_target(const std::vector<DeviceInfo>& devices);
MeterTarget meter_target(const std::vector<Device>& devices);

}  // namespace cascadecl
