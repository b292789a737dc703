#pragma once
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace cascadecl {

// What the devices of a pipeline did and when, for looking at how they overlap. For several threads.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;

  // A piece of work: "upload", "stage 1: resnet-20", "decide".
  void add_work(std::size_t device, std::string name, std::size_t images, Clock::time_point begin,
                Clock::time_point end);
  // So many images wait for a stage now.
  void add_queue(std::size_t stage, std::size_t images);
  void name_device(std::size_t device, std::string name);

  // In the JSON trace event format of Chrome: one process, one thread a device, one counter a stage's queue. Times
  // count from the making of the trace, in microseconds.
  std::string json() const;

 private:
  struct Work {
    std::size_t device;
    std::string name;
    std::size_t images;
    double begin_us, length_us;
  };
  struct Queue {
    std::size_t stage, images;
    double at_us;
  };
  double since_start(Clock::time_point time) const;

  mutable std::mutex mutex_;
  Clock::time_point start_ = Clock::now();
  std::vector<std::string> devices_;
  std::vector<Work> work_;
  std::vector<Queue> queues_;
};

}  // namespace cascadecl
