#include "runtime/cascade/pipeline/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

std::string_view to_string(Command::Kind kind) {
  switch (kind) {
    case Command::Kind::write:
      return "write";
    case Command::Kind::read:
      return "read";
    case Command::Kind::copy:
      return "copy";
    case Command::Kind::fill:
      return "fill";
    default:
      return "kernel";
  }
}

// The name of the span, of those in the order of time, that was on at this moment; null if none was.
template <class Span>
ordered_json span_at(const std::vector<Span>& spans, Trace::Clock::time_point time) {
  const auto after = std::ranges::upper_bound(spans, time, {}, &Span::begin);
  if (after == spans.begin() || time > (after - 1)->end) return nullptr;
  return (after - 1)->name;
}

ordered_json args_of(const Command& command) {
  if (command.kind != Command::Kind::kernel) return {{"bytes", command.bytes}};
  ordered_json args = {{"global", nullptr}, {"local", nullptr}};
  if (command.global[0] > 0) args["global"] = command.global;
  if (command.local[0] > 0) args["local"] = command.local;
  if (!command.layers.empty()) args["layers"] = command.layers;
  return args;
}

// Events as text, one a line: a tree of all would take many times the memory.
class Events {
 public:
  void add(ordered_json event) {
    event["pid"] = 1;
    text_ += text_.empty() ? "" : ",\n";
    text_ += event.dump();
  }
  // place: of the row, from above.
  void name_row(std::size_t row, std::size_t place, const std::string& name) {
    add({{"ph", "M"}, {"tid", row}, {"name", "thread_name"}, {"args", {{"name", name}}}});
    add({{"ph", "M"}, {"tid", row}, {"name", "thread_sort_index"}, {"args", {{"sort_index", place}}}});
  }
  void add_interval(std::size_t row, std::string_view category, std::string_view name, double begin_us, double end_us,
                    const ordered_json& args) {
    add({{"ph", "X"},
         {"tid", row},
         {"ts", begin_us},
         {"dur", end_us - begin_us},
         {"cat", category},
         {"name", name},
         {"args", args}});
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

double Trace::since_start(Clock::time_point time) const {
  return std::chrono::duration<double, std::micro>(time - start_).count();
}

Trace::Lane& Trace::lane(std::size_t device) {
  lanes_.resize(std::max(lanes_.size(), device + 1));
  return lanes_[device];
}

void Trace::add_span(std::size_t device, std::string name, std::size_t images, Clock::time_point begin,
                     Clock::time_point end) {
  const std::lock_guard lock(mutex_);
  lane(device).spans.push_back({std::move(name), images, begin, end});
}

void Trace::add_queue(std::size_t stage, std::size_t images) {
  const std::lock_guard lock(mutex_);
  queues_.push_back({stage, images, Clock::now()});
}

void Trace::add_command(std::size_t device, Command command) {
  const std::lock_guard lock(mutex_);
  if (commands_++ < most_commands_) lane(device).commands.push_back(std::move(command));
}

void Trace::name_device(std::size_t device, std::string name) {
  const std::lock_guard lock(mutex_);
  lane(device).device = std::move(name);
}

std::string Trace::json() const {
  const std::lock_guard lock(mutex_);
  Events events;
  events.add({{"ph", "M"}, {"name", "process_name"}, {"args", {{"name", "cascadecl"}}}});
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    const std::size_t queue_row = lanes_.size() + i;
    events.name_row(i, 2 * i, lane.device);
    events.name_row(queue_row, 2 * i + 1, lane.device + ": queue");
    for (const Span& span : lane.spans)
      events.add_interval(i, "work", span.name, since_start(span.begin), since_start(span.end),
                          {{"images", span.images}});
    for (const Command& command : lane.commands) {
      const bool kernel = command.kind == Command::Kind::kernel;
      ordered_json args = args_of(command);
      args["queued_us"] = since_start(command.queued);
      args["work"] = span_at(lane.spans, command.queued);
      events.add_interval(queue_row, kernel ? "kernel" : "transfer", kernel ? command.kernel : to_string(command.kind),
                          since_start(command.begin), since_start(command.end), args);
    }
  }
  for (const Queue& queue : queues_) {
    events.add({{"ph", "C"},
                {"ts", since_start(queue.at)},
                {"name", fmt::format("images waiting for stage {}", queue.stage)},
                {"args", {{"images", queue.images}}}});
  }
  const std::size_t left_out = commands_ - std::min(commands_, most_commands_);
  return fmt::format("{{\"traceEvents\":[\n{}\n],\"displayTimeUnit\":\"ms\",\"otherData\":{}}}\n", events.text(),
                     ordered_json{{"commands_left_out", left_out}}.dump());
}

Device traced(const Device& device, const std::shared_ptr<Trace>& trace, std::size_t number) {
  if (!trace) return device;
  const DeviceInfo& info = device.info();
  trace->name_device(number, fmt::format("{} (ocl:{}.{})", info.name, info.platform, info.device));
  return device.observed([trace, number](Command command) { trace->add_command(number, std::move(command)); });
}

}  // namespace cascadecl
