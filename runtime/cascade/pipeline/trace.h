#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// What the devices of a pipeline did and when, for looking at how they overlap. For several threads.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;
  // Keeps the first most_commands commands, and of later ones only how many they were.
  explicit Trace(std::size_t most_commands = 500'000) : most_commands_(most_commands) {}

  // A piece of work: "upload", "stage 1: resnet-20", "decide". In the order of time for each device.
  void add_work(std::size_t device, std::string name, std::size_t images, Clock::time_point begin,
                Clock::time_point end);
  // So many images wait for a stage now.
  void add_queue(std::size_t stage, std::size_t images);
  void add_command(std::size_t device, Command command);
  void name_device(std::size_t device, std::string name);

  // In the JSON trace event format of Chrome: one process; for each device a thread of its work and one of what its
  // queue held, where each command tells the piece of work that enqueued it; one counter a stage's queue. Times count
  // from the making of the trace, in microseconds.
  std::string json() const;

 private:
  struct Work {
    std::string name;
    std::size_t images;
    Clock::time_point begin, end;
  };
  struct Lane {
    std::string device;
    std::vector<Work> work;
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

// A handle whose commands go into the trace as those of device number `number`, which it also names. Without a trace,
// the device as it is.
Device traced(const Device& device, const std::shared_ptr<Trace>& trace, std::size_t number);

}  // namespace cascadecl
