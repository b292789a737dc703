#include "runtime/cascade/pipeline/lane.h"

#include <utility>

#include "runtime/opencl/time_limit.h"

namespace cascadecl {

void Lane::start(std::function<void()> body) {
  thread_ = std::thread(std::move(body));
  running_ = true;
}

void Lane::leave() {
  batch.reset();
  running_ = false;
}

std::thread Lane::take_thread() {
  if (running_ && left_behind_) thread_.detach();
  return std::move(thread_);
}

bool Lane::watched(Lock& lock, std::chrono::milliseconds limit, const std::function<void()>& device_work) {
  watched_until_ = Clock::now() + limit;
  limit_ = limit;
  lock.unlock();
  std::exception_ptr error;
  try {
    device_work();
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (left_behind_) return false;
  watched_until_.reset();
  if (error) std::rethrow_exception(error);
  return true;
}

DeviceHangError Lane::hang() const { return hang_error(device.info().name, doing, limit_); }

void Lane::fail(const std::exception_ptr& error) {
  error_ = error;
  cold = false;
  watched_until_.reset();
  batch.reset();
}

void Lane::leave_behind() {
  note_thread_left_behind();
  left_behind_ = true;
  watched_until_.reset();
}

}  // namespace cascadecl
