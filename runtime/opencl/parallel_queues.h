#pragma once
#include <cstddef>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Several in-order queues of a device; the first is the device's own. Kernels on different queues run side by side:
// cores go on with one queue while another waits for the last work-item of a launch.
class ParallelQueues {
 public:
  // Throws DeviceError naming the device if there are no such queues. An observed or rehearsing device has its own
  // queue alone, since it sees but one.
  ParallelQueues(const Device& device, std::size_t count);

  std::size_t size() const { return 1 + others_.size(); }
  const cl::CommandQueue& operator[](std::size_t i) const { return i == 0 ? device_.queue() : others_[i - 1]; }

  // From now on, commands on the queues wait for everything that the device's own queue has so far.
  void fork() const;
  // From now on, commands on the device's own queue wait for everything that the queues have so far.
  void join() const;

 private:
  Device device_;
  std::vector<cl::CommandQueue> others_;
};

}  // namespace cascadecl
