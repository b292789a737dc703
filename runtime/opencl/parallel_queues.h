#pragma once
#include <cstddef>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Several in-order queues of a device, its own the first of them: kernels on different queues run side by side, so that
// cores go on with one queue while another waits for the last work-item of a launch.
class ParallelQueues {
 public:
  // Throws DeviceError naming the device if there are no such queues. None but the device's own if it is observed or
  // rehearses, for both see one queue.
  ParallelQueues(const Device& device, std::size_t count);

  std::size_t size() const { return 1 + others_.size(); }
  const cl::CommandQueue& operator[](std::size_t i) const { return i == 0 ? device_.queue() : others_[i - 1]; }

  // What comes to the queues from now on waits for all that the device's own has so far.
  void fork() const;
  // What comes to the device's own queue from now on waits for all that the queues have so far.
  void join() const;

 private:
  Device device_;
  std::vector<cl::CommandQueue> others_;
};

}  // namespace cascadecl
