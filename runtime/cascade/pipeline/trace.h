#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Records what the devices of a pipeline did and when, to show how they overlap. For several threads.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;
  // Keeps the first most_commands commands, and only counts later ones.
  explicit Trace(std::size_t most_commands = 500'000) : most_commands_(most_commands) {}

  // A span of work: "upload", "stage 1: resnet-20", "decide". In the order of time for each device.
  void add_span(std::size_t device, std::string name, std::size_t images, Clock::time_point begin,
                Clock::time_point end);
  // Notes the number of images that wait for a stage now.
  void add_queue(std::size_t stage, std::size_t images);
  void add_command(std::size_t device, Command command);
  void name_device(std::size_t device, std::string name);

  // In the JSON trace event format of Chrome, as one process. Each device has a thread of its work and one of the
  // commands of its queue, where each command names the span of work that enqueued it. Each stage's queue is a
  // counter. Times count from the construction of the trace, in microseconds.
  std::string json() const;

 private:
  struct Span {
    std::string name;
    std::size_t images;
    Clock::time_point begin, end;
  };
  struct Lane {
    std::string device;
    std::vector<Span> spans;
    std::vector<Command> commands;
  };
  struct Queue {
    std::size_t stage, images;
    Clock::time_point at;
  };
  Lane& lane(std::size_t device);
  double since_start(Clock::time_point time) const;

  mutable std::mutex mutex_;
  Clock::time_point start_ = Clock::now();
  std::vector<Lane> lanes_;
  std::vector<Queue> queues_;
  std::size_t most_commands_, commands_ = 0;
};

// A handle whose commands go into the trace as those of device number `number`, whose name it also records. Without a
// trace, the device itself.
Device traced(const Device& device, const std::shared_ptr<Trace>& trace, std::size_t number);

}  // namespace cascadecl
