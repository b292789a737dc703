#include "runtime/opencl/parallel_queues.h"

#include <fmt/format.h>

#include "data/error.h"
#include "runtime/opencl/status.h"

namespace cascadecl {
namespace {

template <class Calls>
void checked(const Device& device, const char* what, const Calls& calls) {
  try {
    calls();
  } catch (const cl::Error& error) {
    throw DeviceError(fmt::format("device {}: {} failed: {} returned {}", device.info().name, what, error.what(),
                                  status_name(error.err())));
  }
}

// Of all that a queue has so far. Another queue may wait for it only once it is on its way.
cl::Event mark(const cl::CommandQueue& queue) {
  cl::Event event;
  queue.enqueueMarkerWithWaitList(nullptr, &event);
  queue.flush();
  return event;
}

}  // namespace

ParallelQueues::ParallelQueues(const Device& device, std::size_t count) : device_(device) {
  if (device.rehearses() || device.command_log()) return;
  checked(device, "opening another queue", [&] {
    while (size() < count) others_.emplace_back(device.context(), device.info().handle);
  });
}

void ParallelQueues::fork(std::size_t used) const {
  if (used < 2) return;
  checked(device_, "starting queues side by side", [&] {
    const std::vector<cl::Event> begin{mark(device_.queue())};
    for (std::size_t i = 1; i < used; ++i) (*this)[i].enqueueBarrierWithWaitList(&begin);
  });
}

void ParallelQueues::join(std::size_t used) const {
  if (used < 2) return;
  checked(device_, "waiting for queues side by side", [&] {
    std::vector<cl::Event> ends;
    for (std::size_t i = 1; i < used; ++i) ends.push_back(mark((*this)[i]));
    device_.queue().enqueueBarrierWithWaitList(&ends);
  });
}

}  // namespace cascadecl
