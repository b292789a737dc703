#pragma once
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "data/files/error.h"

namespace cascadecl {

// Whether a thread of this process may still wait for a device that did not answer in time. That is so after somebody
// has thrown DeviceHangError, or gone on without the device. The objects that the thread worked on may be destroyed,
// for it has copies of what it needs. But the program should end by std::_Exit, or OpenCL would be taken down under the
// thread.
bool threads_left_behind();
// Called by whoever leaves a thread behind.
void note_thread_left_behind();

// "device A: warming up has not ended within 10 s".
DeviceHangError hang_error(const std::string& device, const std::string& doing, std::chrono::milliseconds limit);

// Runs a call on a thread of its own and returns what it returns, or throws what it throws. If that takes longer than
// the limit, throws DeviceHangError and leaves the thread behind, so the call must own everything that it uses. Without
// a limit the call runs on the caller's thread.
template <class Call>
auto call_within(std::optional<std::chrono::milliseconds> limit, const std::string& device, const std::string& doing,
                 Call call) {
  if (!limit) return call();
  using Task = std::packaged_task<decltype(call())()>;
  const auto task = std::make_shared<Task>(std::move(call));
  auto result = task->get_future();
  std::thread thread([task] { (*task)(); });
  if (result.wait_for(*limit) == std::future_status::timeout) {
    thread.detach();
    note_thread_left_behind();
    throw hang_error(device, doing, *limit);
  }
  thread.join();
  return result.get();
}

}  // namespace cascadecl
