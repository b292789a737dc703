#pragma once
#include <vector>

#include "runtime/opencl/device_info.h"

namespace cascadecl {

// PoCL's usual device hands what is launched to threads of its own. Beside it, PoCL has one that runs everything in the
// thread that waits for it ("basic", from version 4 on "cpu-minimal"), and shows it on request only. For one image of a
// small network that is the faster one: no thread has to be woken on another core.

// Makes the request, where PoCL's usual device is the only one of this machine: otherwise it could change which devices
// are shown, and in what order. A process of its own finds that out, as a process is shown the same devices for all its
// life. So this is to come before anything else of OpenCL, while there is one thread. It takes 0.1 s. Where
// $POCL_DEVICES is set it says which devices to show, and nothing is done.
void request_serial_devices();

// Of all devices of one platform: takes out the one that was shown on request, and makes it DeviceInfo::serial of that
// whose processor it shares.
void attach_serial_device(std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
