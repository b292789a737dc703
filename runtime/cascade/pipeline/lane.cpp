#include "runtime/cascade/pipeline/lane.h"

#include <atomic>
#include <utility>

#include "runtime/cascade/pipeline/pipeline.h"

namespace cascadecl {
namespace {

// Of the process, as is the thread that may still be inside OpenCL when it ends.
std::atomic<bool> any_left_behind{false};

}  // namespace

bool threads_left_behind() { return any_left_behind; }

void Lane::start(std::function<void()> body) {
  thread_ = std::thread(std::move(body));
  running_ = true;
}

void Lane::leave() {
  work.reset();
  running_ = false;
}

std::thread Lane::take_thread() {
  if (running_ && left_behind_) thread_.detach();
  return std::move(thread_);
}

bool Lane::watched(Lock& lock, std::chrono::milliseconds limit, const std::function<void()>& device_work) {
  const Clock::time_point begin = Clock::now();
  watched_until_ = begin + limit;
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
  if (!cold) busy_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  if (error) std::rethrow_exception(error);
  return true;
}

void Lane::fail(const std::exception_ptr& error) {
  error_ = error;
  cold = false;
  watched_until_.reset();
  work.reset();
}

void Lane::leave_behind() {
  any_left_behind = true;
  left_behind_ = true;
  watched_until_.reset();
}

}  // namespace cascadecl
