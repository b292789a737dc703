#include "runtime/opencl/command_log.h"

#include <algorithm>

namespace cascadecl {
namespace {

using Clock = Command::Clock;
using std::chrono::nanoseconds;

constexpr int kMarkers = 4;  // of a synchronisation; the one that was done soonest counts
constexpr std::chrono::milliseconds kSynchronised{200};

nanoseconds since_epoch(Clock::time_point time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch());
}

// What the host's clock is ahead of the device's: between these two.
struct Bounds {
  nanoseconds least, most;
};

Bounds measure(const cl::CommandQueue& queue) {
  cl::Event marker;
  const Clock::time_point before = Clock::now();
  queue.enqueueMarkerWithWaitList(nullptr, &marker);
  marker.wait();
  const Clock::time_point after = Clock::now();
  const nanoseconds device(static_cast<std::int64_t>(marker.getProfilingInfo<CL_PROFILING_COMMAND_END>()));
  return {since_epoch(before) - device, since_epoch(after) - device};
}

}  // namespace

void CommandLog::add(Command command, cl::Event event) {
  command.layers = layers_;
  pending_.push_back({std::move(command), std::move(event)});
}

void CommandLog::synchronise() {
  Bounds best = measure(queue_);
  for (int i = 1; i < kMarkers; ++i) {
    const Bounds bounds = measure(queue_);
    if (bounds.most - bounds.least < best.most - best.least) best = bounds;
  }
  // It stays where it may, so that the times of neighbours fit together.
  ahead_ = synchronised_ ? std::clamp(ahead_, best.least, best.most) : (best.least + best.most) / 2;
  synchronised_ = Clock::now();
}

Clock::time_point CommandLog::host_time(cl_ulong device_ns) const {
  return Clock::time_point(
      std::chrono::duration_cast<Clock::duration>(nanoseconds(static_cast<std::int64_t>(device_ns)) + ahead_));
}

void CommandLog::tell() {
  if (pending_.empty()) return;
  pending_.back().event.wait();  // a blocking read may return before its event has changed
  if (!synchronised_ || Clock::now() - *synchronised_ > kSynchronised) synchronise();
  for (; !pending_.empty(); pending_.pop_front()) {
    auto& [command, event] = pending_.front();
    command.begin = host_time(event.getProfilingInfo<CL_PROFILING_COMMAND_START>());
    command.end = host_time(event.getProfilingInfo<CL_PROFILING_COMMAND_END>());
    observer_(std::move(command));
  }
}

}  // namespace cascadecl
