#include "runtime/opencl/serial_device.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace cascadecl {
namespace {

bool requested = false;  // written before list_devices(), see the header

bool is_processor_of_pocl(const DeviceInfo& device) {
  return device.device_class == DeviceClass::cpu && device.platform_name == "Portable Computing Language";
}

// "basic-znver4-AMD EPYC ...", "cpu-minimal-...": PoCL's names start with that of the driver.
bool is_serial(const DeviceInfo& device) {
  const std::string_view name = device.name;
  return is_processor_of_pocl(device) && (name.starts_with("basic-") || name.starts_with("cpu-minimal-"));
}

bool processor_of_pocl_is_alone() {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::vector<DeviceInfo> devices = list_devices();
    ::_exit(devices.size() == 1 && is_processor_of_pocl(devices.front()) ? 0 : 1);
  }
  int status = 1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

void request_serial_devices() {
  if (std::getenv("POCL_DEVICES") || !processor_of_pocl_is_alone()) return;
  ::setenv("POCL_DEVICES", "basic pthread", 1);  // names that all versions know
  requested = true;
}

void attach_serial_device(std::vector<DeviceInfo>& devices) {
  const auto serial = std::find_if(devices.begin(), devices.end(), is_serial);
  if (!requested || serial == devices.end() || devices.size() != 2) return;
  auto shown = std::make_shared<const DeviceInfo>(std::move(*serial));
  devices.erase(serial);
  devices.front().serial = std::move(shown);
}

}  // namespace cascadecl
