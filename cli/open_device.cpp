#include "cli/open_device.h"

#include <fmt/format.h>

#include <cstdio>

namespace cascadecl {

DeviceSettings device_settings() {
  DeviceSettings settings;
  settings.warning = [](const std::string& text) { fmt::print(stderr, "cascadecl: warning: {}\n", text); };
  return settings;
}

Device open_device(const std::string& spec) { return Device(select_device(spec, list_devices()), device_settings()); }

}  // namespace cascadecl
