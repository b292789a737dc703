#pragma once
#include <vector>

#include "runtime/opencl/device_info.h"

namespace cascadecl {

// PoCL's usual device hands what is launched to threads of its own. Beside it, PoCL has one that runs everything in the
// thread that waits for it ("basic", from version 4 on "cpu-minimal"), and shows it on request only. For one image of a
// small network that is the faster one: no thread has to be woken on another core.

// Makes the request. For programs that want a processor, before anything else of OpenCL and while there is one thread:
// PoCL then shows processors only. Where $POCL_DEVICES is set it says which devices to show, and nothing changes.
void request_serial_devices();

// Of all devices of one platform: takes out those that were shown on request, and makes each DeviceInfo::serial of the
// one whose processor it shares.
void attach_serial_devices(std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
