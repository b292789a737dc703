#pragma once
#include <chrono>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Times the steps of a plan that run one after another, by waiting for the device after each. The waiting adds a little
// to every step, so that shares are right rather than the sum.
class StepClock {
 public:
  explicit StepClock(const Device& device) : device_(device) {
    device_.finish();
    last_ = Clock::now();
  }
  void lap() {
    device_.finish();
    const Clock::time_point now = Clock::now();
    seconds_.push_back(std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  Device device_;
  Clock::time_point last_;
  std::vector<double> seconds_;
};

}  // namespace cascadecl
