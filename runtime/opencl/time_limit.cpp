#include "runtime/opencl/time_limit.h"

#include <fmt/format.h>

#include <atomic>

namespace cascadecl {
namespace {

// Of the process, as is the thread that may still be inside OpenCL when it ends.
std::atomic<bool> any_left_behind{false};

}  // namespace

bool threads_left_behind() { return any_left_behind; }
void note_thread_left_behind() { any_left_behind = true; }

DeviceHangError hang_error(const std::string& device, const std::string& doing, std::chrono::milliseconds limit) {
  return DeviceHangError(
      fmt::format("device {}: {} has not ended within {} s", device, doing, static_cast<double>(limit.count()) / 1e3));
}

}  // namespace cascadecl
