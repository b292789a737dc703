#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "runtime/opencl/opencl.h"

namespace cascadecl {

// A command that a device has carried out. Times are of the host's steady clock.
struct Command {
  using Clock = std::chrono::steady_clock;
  enum class Kind { kernel, write, read, copy, fill };
  Kind kind = Kind::kernel;
  std::string kernel = {};                             // "name (file)"; empty for transfers
  std::array<std::size_t, 3> global = {}, local = {};  // work-items; 0: unknown, as the library or the driver chose
  std::size_t bytes = 0;                               // of transfers
  std::string layers = {};                             // of the network, that it computes; may be empty
  Clock::time_point queued = {};                       // the host began to enqueue it
  Clock::time_point begin = {}, end = {};              // the device was at it
};

// Told each command once it has ended, in the order of the queue, by the thread that waited for it.
using CommandObserver = std::function<void(Command)>;

// What is in a profiling in-order queue, and when it ran. For one thread at a time.
class CommandLog {
 public:
  CommandLog(cl::CommandQueue queue, CommandObserver observer)
      : queue_(std::move(queue)), observer_(std::move(observer)) {}

  // From now on commands belong to these layers; to none if empty.
  void set_layers(std::string layers) { layers_ = std::move(layers); }
  void add(Command command, cl::Event event);
  // Once the queue is empty: tells the observer all that is new and releases its events. Throws cl::Error.
  void tell();

 private:
  // The device's clock is brought onto the host's by markers: each lies between two times of the host. Clocks drift,
  // so this is done anew now and then, while the queue is empty.
  void synchronise();
  Command::Clock::time_point host_time(cl_ulong device_ns) const;

  struct Pending {
    Command command;
    cl::Event event;
  };
  cl::CommandQueue queue_;
  CommandObserver observer_;
  std::string layers_;
  std::deque<Pending> pending_;
  std::optional<Command::Clock::time_point> synchronised_;
  std::chrono::nanoseconds ahead_{};  // of the device's clock, what the host's is
};

// For OpenCL's own functions, which take an event or NULL.
inline cl_event* handle_of(cl::Event* event) { return event ? &(*event)() : nullptr; }

// Makes a call that enqueues a command, `enqueue(cl::Event*)`, and adds what `describe()` gives to the log. Without a
// log, there is neither event nor description.
template <class Describe, class Enqueue>
void log_command(CommandLog* log, const Describe& describe, const Enqueue& enqueue) {
  if (!log) return enqueue(nullptr);
  Command command = describe();
  command.queued = Command::Clock::now();
  cl::Event event;
  enqueue(&event);
  log->add(std::move(command), std::move(event));
}

}  // namespace cascadecl
