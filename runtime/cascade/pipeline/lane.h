#pragma once
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "data/files/error.h"
#include "runtime/cascade/pipeline/passage_queues.h"
#include "runtime/cascade/pipeline/stage_device.h"

namespace cascadecl {

// A device of a pipeline, its thread, and the watch over the device's work. A device that does not end its work in time
// is left behind together with its thread, since nothing can end that thread. From then on it touches only what it
// keeps alive. The pipeline's mutex guards everything but `device` and `stages`.
class Lane {
 public:
  using Clock = Passage::Clock;
  using Lock = std::unique_lock<std::mutex>;  // on the pipeline's mutex

  Lane(const Device& of, std::size_t place) : device(of), number(place) {}

  const Device device;                // as the pipeline got it
  std::optional<StageDevice> stages;  // made and used by the lane's thread alone
  const std::size_t number;

  std::shared_ptr<StageBatch> batch;  // in progress: from when it is taken until it is settled. Shared with the thread
  std::string doing;                  // for messages
  bool ready = false;                 // has made all of its own stages
  bool cold = false;                  // to be warmed up before its next work
  double busy_seconds = 0;            // of the device, with images
  std::size_t peak_bytes = 0;         // of its stages

  // The body keeps everything that it uses alive, and calls leave() at its end.
  void start(std::function<void()> body);
  void leave();
  // The thread, to be joined without the lock; nothing if there is none or if it is left behind.
  std::thread take_thread();
  bool runs() const { return running_; }  // it has a thread that has not left
  bool busy() const { return running_ && !failed() && (batch || watched_until_ || !ready || cold); }

  // For the thread: runs device_work without the lock. Throws what that throws. Returns false if the lane was left
  // behind meanwhile; its images then belong to other devices.
  bool watched(Lock& lock, std::chrono::milliseconds limit, const std::function<void()>& device_work);
  bool overdue() const { return watched_until_ && Clock::now() >= *watched_until_; }
  DeviceHangError hang() const;  // for the work that is overdue

  void fail(const std::exception_ptr& error);  // takes no more work
  bool failed() const { return error_ != nullptr || left_behind_; }
  const std::exception_ptr& error() const { return error_; }
  void leave_behind();  // with its thread, which waits for the device
  bool left_behind() const { return left_behind_; }

 private:
  std::thread thread_;
  bool running_ = false, left_behind_ = false;
  std::exception_ptr error_;  // the device's failure
  std::optional<Clock::time_point> watched_until_;
  std::chrono::milliseconds limit_{};
};

}  // namespace cascadecl
