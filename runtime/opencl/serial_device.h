#pragma once
#include <vector>

#include "runtime/opencl/device_info.h"

namespace cascadecl {

// PoCL has two devices for one processor. The usual one hands its work to threads. The serial one ("basic", from
// version 4 on "cpu-minimal") runs everything in the thread that waits for it. One image of a small network is done
// sooner there, as no thread has to be woken on another core. PoCL shows the serial device on request only.

// Makes the request: sets $POCL_DEVICES, unless it is set, so that PoCL shows both devices. Of PoCL's other drivers
// (CUDA, Level Zero) it then shows none; whoever wants them sets the variable. To be called before anything else of
// OpenCL, and while there is one thread.
void show_serial_device();

// Of the devices of one platform: puts a serial device that has the usual one beside it behind that, and marks it as
// DeviceInfo::serial. Alone it is a device like any other.
void mark_serial_devices(std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
