#include "runtime/opencl/serial_device.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

namespace cascadecl {
namespace {

// Of PoCL, and named by one of these drivers: "basic-znver4-AMD EPYC ...".
bool is_driven_by(std::initializer_list<std::string_view> drivers, const DeviceInfo& device) {
  return device.platform_name == "Portable Computing Language" &&
         std::any_of(drivers.begin(), drivers.end(), [&](std::string_view d) { return device.name.starts_with(d); });
}

bool is_serial(const DeviceInfo& device) { return is_driven_by({"basic-", "cpu-minimal-"}, device); }

bool has_threads(const DeviceInfo& device) { return is_driven_by({"pthread-", "cpu-"}, device) && !is_serial(device); }

}  // namespace

void show_serial_device() {
  ::setenv("POCL_DEVICES", "pthread basic", 0);  // names that all versions know
}

void mark_serial_devices(std::vector<DeviceInfo>& devices) {
  if (std::none_of(devices.begin(), devices.end(), has_threads)) return;
  for (DeviceInfo& device : devices) device.serial = is_serial(device);
  std::stable_partition(devices.begin(), devices.end(), [](const DeviceInfo& device) { return !device.serial; });
}

}  // namespace cascadecl
