#include "runtime/opencl/parallel_queues.h"

#include "runtime/opencl/checked.h"

namespace cascadecl {
namespace {

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
  checked(device.info(), "opening another queue", [&] {
    while (size() < count) others_.emplace_back(device.context(), device.info().handle);
  });
}

void ParallelQueues::fork() const {
  if (others_.empty()) return;
  checked(device_.info(), "starting queues side by side", [&] {
    const std::vector<cl::Event> begin{mark(device_.queue())};
    for (const cl::CommandQueue& queue : others_) queue.enqueueBarrierWithWaitList(&begin);
  });
}

void ParallelQueues::join() const {
  if (others_.empty()) return;
  checked(device_.info(), "waiting for queues side by side", [&] {
    std::vector<cl::Event> ends;
    for (const cl::CommandQueue& queue : others_) ends.push_back(mark(queue));
    device_.queue().enqueueBarrierWithWaitList(&ends);
  });
}

}  // namespace cascadecl
