#include "runtime/opencl/serial_device.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace cascadecl {
namespace {

bool requested = false;  // written before list_devices(), see the header

// "basic-znver4-AMD EPYC ...", "cpu-minimal-...": names of PoCL start with that of its driver.
bool is_serial(const DeviceInfo& device) {
  const std::string_view name = device.name;
  return device.device_class == DeviceClass::cpu && device.platform_name == "Portable Computing Language" &&
         (name.starts_with("basic-") || name.starts_with("cpu-minimal-"));
}

}  // namespace

void request_serial_devices() {
  if (std::getenv("POCL_DEVICES")) return;
  // Names that all versions know. Without the second one, PoCL would show the serial device alone.
  ::setenv("POCL_DEVICES", "basic pthread", 1);
  requested = true;
}

void attach_serial_devices(std::vector<DeviceInfo>& devices) {
  if (!requested) return;
  const auto serial = std::find_if(devices.begin(), devices.end(), is_serial);
  if (serial == devices.end() || devices.size() == 1) return;
  const auto shown = std::make_shared<const DeviceInfo>(std::move(*serial));
  devices.erase(serial);
  for (DeviceInfo& device : devices)
    if (device.device_class == DeviceClass::cpu) device.serial = shown;
}

}  // namespace cascadecl
