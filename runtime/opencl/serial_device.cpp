#include "runtime/opencl/serial_device.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace cascadecl {
namespace {

bool requested = false;  // written before list_devices(), see the header

// Of PoCL, and named by one of these drivers: "basic-znver4-AMD EPYC ...".
bool is_driven_by(std::initializer_list<std::string_view> drivers, const DeviceInfo& device) {
  return device.platform_name == "Portable Computing Language" &&
         std::any_of(drivers.begin(), drivers.end(), [&](std::string_view d) { return device.name.starts_with(d); });
}

bool is_serial(const DeviceInfo& device) { return is_driven_by({"basic-", "cpu-minimal-"}, device); }

// PoCL's usual device: not the serial one, nor that of Intel's TBB, which `pthread` does not ask for.
bool has_threads(const DeviceInfo& device) {
  return is_driven_by({"pthread-", "cpu-"}, device) && !is_driven_by({"cpu-minimal-", "cpu-tbb-"}, device);
}

[[noreturn]] void tell_whether_threads_are_alone() {
  ::alarm(10);  // a driver that hangs is not asked for more
  try {
    const std::vector<DeviceInfo> devices = list_devices();
    ::_exit(devices.size() == 1 && has_threads(devices.front()) ? 0 : 1);
  } catch (...) {
    ::_exit(1);
  }
}

bool threads_are_alone() {
  const pid_t child = ::fork();
  if (child == 0) tell_whether_threads_are_alone();
  int status = 1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

void request_serial_devices() {
  if (std::getenv("POCL_DEVICES") || !threads_are_alone()) return;
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
