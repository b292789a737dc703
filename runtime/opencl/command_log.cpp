#include "runtime/opencl/command_log.h"

#include <algorithm>
#include <cstdint>

namespace cascadecl {
namespace {

using Clock = Command::Clock;
using std::chrono::nanoseconds;

nanoseconds since_epoch(Clock::time_point time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch());
}

Clock::time_point at(nanoseconds since_epoch) {
  return Clock::time_point(std::chrono::duration_cast<Clock::duration>(since_epoch));
}

template <cl_profiling_info what>
nanoseconds device_time(const cl::Event& event) {
  return nanoseconds(static_cast<std::int64_t>(event.getProfilingInfo<what>()));
}

}  // namespace

void CommandLog::add(Command command, cl::Event event) {
  command.layers = layers_;
  pending_.push_back({std::move(command), std::move(event)});
}

void CommandLog::ask_device() {
  for (Pending& pending : pending_) {
    pending.begin = device_time<CL_PROFILING_COMMAND_START>(pending.event);
    pending.end = device_time<CL_PROFILING_COMMAND_END>(pending.event);
  }
}

// What the clocks differ by lies between two bounds. The lower one is close where a command began at once, so it is
// where to start from; then it moves only as the clocks drift, so that the times of neighbours fit together.
void CommandLog::compare_clocks() {
  const nanoseconds now = since_epoch(Clock::now());
  nanoseconds least = nanoseconds::min(), most = nanoseconds::max();
  for (const Pending& pending : pending_) {
    least = std::max(least, since_epoch(pending.command.queued) - pending.begin);
    most = std::min(most, now - pending.end);
  }
  ahead_ = std::min(std::max(ahead_.value_or(least), least), most);
}

void CommandLog::tell() {
  if (pending_.empty()) return;
  pending_.back().event.wait();  // a blocking read may return before its event has changed
  ask_device();
  compare_clocks();
  for (Pending& pending : pending_) {
    pending.command.begin = at(pending.begin + *ahead_);
    pending.command.end = at(pending.end + *ahead_);
    observer_(std::move(pending.command));
  }
  pending_.clear();
}

}  // namespace cascadecl
