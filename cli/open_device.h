#pragma once
#include <string>

#include "runtime/opencl/device.h"

namespace cascadecl {

// How the program opens devices: with the user's cache folder; warnings are lines on stderr.
DeviceSettings device_settings();

// The device of a SPEC. Throws UsageError, DeviceNotFoundError.
Device open_device(const std::string& spec);

}  // namespace cascadecl
