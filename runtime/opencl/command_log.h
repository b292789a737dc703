#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  std::string layers = {};                             // of the network that it computes; may be empty
  Clock::time_point queued = {};                       // the host began to enqueue it
  Clock::time_point begin = {}, end = {};              // while the device carried it out
};

// Receives each command once it has ended, in the order of the queue, on the thread that waited for it.
using CommandObserver = std::function<void(Command)>;

// The commands of a profiling in-order queue, and when they ran. The device's clock is brought onto the host's: no
// command begins before it is enqueued, and none ends after the host has waited for it. For one thread at a time.
class CommandLog {
 public:
  explicit CommandLog(CommandObserver observer) : observer_(std::move(observer)) {}

  // From now on commands belong to these layers; to none if empty.
  void set_layers(std::string layers) { layers_ = std::move(layers); }
  void add(Command command, cl::Event event);
  // Call it once the host has waited for everything: it tells the observer what is new and releases the events. Throws
  // cl::Error.
  void tell();

 private:
  struct Pending {
    Command command;
    cl::Event event;
    std::chrono::nanoseconds begin{}, end{};  // by the device's clock
  };
  void ask_device();
  void compare_clocks();

  CommandObserver observer_;
  std::string layers_;
  std::vector<Pending> pending_;
  std::optional<std::chrono::nanoseconds> ahead_;  // the host's clock minus the device's
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
