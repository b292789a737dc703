#pragma once
#include <vector>

#include "runtime/opencl/device_info.h"

namespace cascadecl {

// PoCL has two devices for one processor. The usual one hands its work to threads. The serial one ("basic", from
// version 4 on "cpu-minimal") runs everything in the thread that waits for it. One image of a small network is done
// sooner there, as no thread has to be woken on another core. PoCL shows the serial device on request only.

// Makes PoCL show both devices: sets $POCL_DEVICES, unless it is set. PoCL then shows none of its other drivers (CUDA,
// Level Zero); whoever wants them sets the variable. Call it before anything else of OpenCL, and while there is one
// thread.
void show_serial_device();

// Among the devices of one platform, moves a serial device behind the usual one of its processor, and marks it as
// DeviceInfo::serial. A serial device that is alone stays a device like any other.
void mark_serial_devices(std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
