#pragma once
#include <chrono>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Adds the time from its construction to stop() to `total`, with the device's work in it. Does nothing if timing is
// off.
class StageTimer {
 public:
  StageTimer(bool on, const Device& device, double& total) : on_(on), device_(device), total_(total) {
    if (!on_) return;
    device_.finish();
    start_ = Clock::now();
  }
  void stop() {
    if (!on_) return;
    device_.finish();
    total_ += std::chrono::duration<double>(Clock::now() - start_).count();
    on_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool on_;
  const Device& device_;
  double& total_;
  Clock::time_point start_;
};

}  // namespace cascadecl
