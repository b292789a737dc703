#include "runtime/cascade/pipeline/trace.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace cascadecl {

using nlohmann::ordered_json;

double Trace::since_start(Clock::time_point time) const {
  return std::chrono::duration<double, std::micro>(time - start_).count();
}

void Trace::add_work(std::size_t device, std::string name, std::size_t images, Clock::time_point begin,
                     Clock::time_point end) {
  const std::lock_guard lock(mutex_);
  work_.push_back({device, std::move(name), images, since_start(begin), since_start(end) - since_start(begin)});
}

void Trace::add_queue(std::size_t stage, std::size_t images) {
  const std::lock_guard lock(mutex_);
  queues_.push_back({stage, images, since_start(Clock::now())});
}

void Trace::name_device(std::size_t device, std::string name) {
  const std::lock_guard lock(mutex_);
  devices_.resize(std::max(devices_.size(), device + 1));
  devices_[device] = std::move(name);
}

std::string Trace::json() const {
  const std::lock_guard lock(mutex_);
  ordered_json events = ordered_json::array();
  events.push_back({{"ph", "M"}, {"pid", 1}, {"name", "process_name"}, {"args", {{"name", "cascadecl"}}}});
  for (std::size_t i = 0; i < devices_.size(); ++i)
    events.push_back({{"ph", "M"}, {"pid", 1}, {"tid", i}, {"name", "thread_name"}, {"args", {{"name", devices_[i]}}}});
  for (const Work& work : work_) {
    events.push_back({{"ph", "X"},
                      {"pid", 1},
                      {"tid", work.device},
                      {"ts", work.begin_us},
                      {"dur", work.length_us},
                      {"name", work.name},
                      {"args", {{"images", work.images}}}});
  }
  for (const Queue& queue : queues_) {
    events.push_back({{"ph", "C"},
                      {"pid", 1},
                      {"ts", queue.at_us},
                      {"name", fmt::format("images waiting for stage {}", queue.stage)},
                      {"args", {{"images", queue.images}}}});
  }
  return ordered_json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump() + "\n";
}

}  // namespace cascadecl
