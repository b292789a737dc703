#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// How the program opens devices: with the user's cache folder; warnings are lines on stderr.
DeviceSettings device_settings(std::optional<std::chrono::milliseconds> time_limit = {});

// All devices of this machine. $CASCADECL_MEMORY_LIMIT, in bytes, makes the program believe that none has more memory
// than that. Throws UsageError if it is no number above 0.
std::vector<DeviceInfo> usable_devices();

// The device of a SPEC. Throws UsageError, DeviceNotFoundError.
Device open_device(const std::string& spec);

}  // namespace cascadecl
