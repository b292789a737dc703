#include "runtime/cascade/pipeline/pipeline_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

constexpr std::size_t kWindowsHeld = 2;    // a device has room for the images of so many
constexpr std::size_t kSharedBatches = 4;  // of a window, so that the next device need not wait long for its first one
constexpr std::chrono::milliseconds kWatch{200};

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

// The lane of each stage, by the order in which devices first come.
std::vector<std::size_t> lanes_of(const std::vector<Device>& devices, std::vector<Device>& each_once) {
  std::vector<std::size_t> lanes;
  for (const Device& device : devices) {
    const auto same = std::ranges::find_if(each_once, [&](const Device& other) { return other.same_as(device); });
    lanes.push_back(static_cast<std::size_t>(same - each_once.begin()));
    if (same == each_once.end()) each_once.push_back(device);
  }
  return lanes;
}

}  // namespace

CascadePipeline::State::State(Model of, const std::vector<Device>& devices, const PipelineSettings& chosen)
    : model(std::move(of)), settings(chosen), counts(model.stages.size()) {
  const ExecutorSettings& executor = settings.executor;
  std::vector<Device> each_once;
  const std::vector<std::size_t> owner = lanes_of(devices, each_once);
  const std::size_t batch = to_size(executor.max_batch), whole = images_per_window(executor, model.input);
  window_ = each_once.size() > 1 ? std::min(whole, kSharedBatches * batch) : whole;
  slots_ = kWindowsHeld * window_;
  for (const Device& device : each_once) lanes.emplace_back(device, lanes.size());
  queues.emplace(PassageQueues::Settings{.owner = owner,
                                         .devices = lanes.size(),
                                         .slots = slots_,
                                         .batch = batch,
                                         .window = window_,
                                         .max_delay = settings.max_delay});
}

void CascadePipeline::State::start_threads(const std::shared_ptr<State>& self, const Lock&) {
  for (Lane& lane : self->lanes) lane.start([self, &lane] { self->serve(lane); });
}

bool CascadePipeline::State::ready(const Lock&) const {
  return std::ranges::all_of(lanes, [](const Lane& lane) { return lane.ready || lane.failed(); });
}

Lane* CascadePipeline::State::lane_of(const Device& device, const Lock&) {
  const auto found = std::ranges::find_if(lanes, [&](const Lane& lane) { return lane.device.same_as(device); });
  return found == lanes.end() ? nullptr : &*found;
}

// A device has failed: its images wait again, for the device that takes its stages if there is one.
void CascadePipeline::State::fail(Lane& lane, const std::exception_ptr& error, const std::string& where,
                                  const Lock& lock) {
  DeviceFailure record{.device = lane.device.info().name, .reason = text_of(error)};
  if (!where.empty()) record.reason += fmt::format(" ({})", where);
  for (std::size_t stage = 0; stage < counts.size(); ++stage)
    if (queues->owner(stage) == lane.number) record.stages.push_back(stage);
  const auto left =
      std::ranges::find_if(lanes, [&](const Lane& other) { return !other.failed() && other.number != lane.number; });
  const bool goes_on = settings.executor.on_failure == OnDeviceFailure::go_on && left != lanes.end();
  if (goes_on) {
    record.moved_to = left->device.info().name;
    queues->move(lane.number, left->number, lane.batch ? *lane.batch : StageBatch{});
    left->ready = false;
    if (lane.cold) left->cold = true;
  }
  failures.push_back(std::move(record));
  if (!goes_on && !failure) failure = error;
  lane.fail(error);
  notify(lock);
}

void CascadePipeline::State::give_up_overdue(const Lock& lock) {
  for (Lane& lane : lanes) {
    if (!lane.overdue()) continue;
    fail(lane, std::make_exception_ptr(lane.hang()), {}, lock);
    lane.leave_behind();
  }
}

void CascadePipeline::State::throw_failure(Lock& lock) {
  if (!failure) return;
  while (std::ranges::any_of(lanes, &Lane::busy)) wait_watching(lock);
  std::rethrow_exception(failure);
}

void CascadePipeline::State::wait_watching(Lock& lock) {
  result_changed.wait_for(lock, kWatch);
  give_up_overdue(lock);
}

void CascadePipeline::State::end_threads(Lock& lock) {
  stopping = true;
  notify(lock);
  const auto runs = [](const Lane& lane) { return lane.runs() && !lane.left_behind(); };
  while (std::ranges::any_of(lanes, runs)) {
    result_changed.wait_for(lock, kWatch);
    for (Lane& lane : lanes)
      if (lane.overdue()) lane.leave_behind();
  }
  for (Lane& lane : lanes) {
    std::thread thread = lane.take_thread();
    lock.unlock();
    if (thread.joinable()) thread.join();
    lock.lock();
  }
}

void CascadePipeline::State::notify(const Lock&) {
  work_changed.notify_all();
  result_changed.notify_all();
}

}  // namespace cascadecl
