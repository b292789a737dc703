#include "cli/open_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "cli/screen.h"
#include "data/files/error.h"

namespace cascadecl {

DeviceSettings device_settings(std::optional<std::chrono::milliseconds> time_limit) {
  DeviceSettings settings{.time_limit = time_limit};
  settings.warning = [](const std::string& text) { tell("cascadecl: warning: " + text); };
  return settings;
}

std::vector<DeviceInfo> usable_devices() {
  std::vector<DeviceInfo> devices = list_devices();
  const char* limit = std::getenv("CASCADECL_MEMORY_LIMIT");
  if (!limit) return devices;
  std::size_t bytes = 0;
  const std::string_view text = limit;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc{} || end != text.data() + text.size() || bytes == 0)
    throw UsageError(fmt::format("CASCADECL_MEMORY_LIMIT: '{}' is not a number of bytes", text));
  for (DeviceInfo& device : devices) {
    device.global_memory_bytes = std::min(device.global_memory_bytes, bytes);
    device.max_allocation_bytes = std::min(device.max_allocation_bytes, bytes);
  }
  return devices;
}

Device open_device(const std::string& spec) { return Device(select_device(spec, usable_devices()), device_settings()); }

}  // namespace cascadecl
