#include "runtime/cascade/pipeline/pipeline_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/error.h"
#include "runtime/cascade/pipeline/trace.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

using Clock = Passage::Clock;

constexpr std::size_t kWindows = 2;        // of images that a device has room for
constexpr std::size_t kSharedBatches = 4;  // of a window, so that the next device need not wait long for its first one
constexpr std::chrono::milliseconds kWatch{200};
constexpr int kCold = 10;  // times the limit for what runs first, as many drivers build kernels only then

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

// A device's error, which may be a kernel's, with the name of the device.
std::exception_ptr named(const DeviceError& error, const std::string& device, const std::string& doing) {
  const std::string text = error.what();
  if (text.find(device) != std::string::npos) return std::current_exception();
  return std::make_exception_ptr(DeviceError(fmt::format("device {}, {}: {}", device, doing, text)));
}

// The lane of each stage, by the order in which devices first come.
std::vector<std::size_t> lanes_of(const std::vector<Device>& devices, std::vector<Device>& each_once) {
  std::vector<std::size_t> lanes;
  for (const Device& device : devices) {
    const auto same =
        std::ranges::find_if(each_once, [&](const Device& other) { return other.context()() == device.context()(); });
    lanes.push_back(static_cast<std::size_t>(same - each_once.begin()));
    if (same == each_once.end()) each_once.push_back(device);
  }
  return lanes;
}

void relock(Lane::Lock& lock) {
  if (!lock.owns_lock()) lock.lock();
}

}  // namespace

CascadePipeline::State::State(const Model& of, const std::vector<Device>& devices, const PipelineSettings& chosen)
    : model(of), settings(chosen), decision(chosen.executor, of.stages.size(), of.classes), counts(of.stages.size()) {
  const ExecutorSettings& executor = settings.executor;
  std::vector<Device> each_once;
  const std::vector<std::size_t> owner = lanes_of(devices, each_once);
  const std::size_t batch = to_size(executor.max_batch), whole = window_images(executor, model.input);
  const std::size_t window = each_once.size() > 1 ? std::min(whole, kSharedBatches * batch) : whole;
  const std::size_t slots = kWindows * window;
  for (const Device& device : each_once) {
    const Device handle = traced(device, executor.trace, lanes.size());
    lanes.emplace_back(device, StageDevice(handle, model, executor, window, slots), lanes.size());
  }
  for (std::size_t stage = 0; stage < owner.size(); ++stage) lanes[owner[stage]].stages.add_stage(stage);
  for (Lane& lane : lanes) lane.peak_bytes = lane.stages.peak_bytes();
  queues.emplace(PassageQueues::Settings{.owner = owner,
                                         .devices = lanes.size(),
                                         .slots = slots,
                                         .batch = batch,
                                         .window = window,
                                         .max_delay = settings.max_delay});
}

void CascadePipeline::State::start_threads(const std::shared_ptr<State>& self) {
  for (Lane& lane : self->lanes)
    if (!lane.runs() && !lane.failed() && !self->failure) lane.start([self, &lane] { self->serve(lane); });
}

void CascadePipeline::State::serve(Lane& lane) {
  Lock lock(mutex);
  try {
    work_through(lane, lock);
  } catch (...) {  // no device's: a lack of memory, a mistake
    relock(lock);
    if (!failure) failure = std::current_exception();
  }
  lane.leave();
  notify();
}

void CascadePipeline::State::work_through(Lane& lane, Lock& lock) {
  try {
    while (step(lane, lock)) {
    }
  } catch (const DeviceError& error) {
    relock(lock);
    fail(lane, named(error, lane.device.info().name, lane.doing));
  }
}

// Runs one piece of work, or waits. Returns false once the lane is to end.
bool CascadePipeline::State::step(Lane& lane, Lock& lock) {
  if (stopping || failure || lane.failed()) return false;
  if (lane.cold) return warm_up(lane, lock);
  queues->expect_more(!flushed && !submitter_waits);
  if (const auto stage = queues->choose(lane.number)) {
    lane.work = std::make_shared<Work>(queues->take(*stage));
    trace_queue(*stage);
    return run(lane, lock);
  }
  if (const auto due = queues->next_due(lane.number)) {
    work_changed.wait_until(lock, *due);
  } else {
    work_changed.wait(lock);
  }
  return true;
}

bool CascadePipeline::State::warm_up(Lane& lane, Lock& lock) {
  lane.doing = "warming up";
  if (!lane.watched(lock, kCold * settings.executor.device_timeout, [&] { lane.stages.warm_up(); })) return false;
  lane.cold = false;
  result_changed.notify_all();
  return true;
}

// The lane's work. What the host does in it is not watched, so that queues and images stay until it is done; what the
// device does uses only the thread's own memory, for nobody waits for a device that is late.
bool CascadePipeline::State::run(Lane& lane, Lock& lock) {
  const std::shared_ptr<Work> work = lane.work;
  lane.doing = fmt::format("stage {} ({}) on {} images", work->stage, network_name(work->stage), work->slots.size());
  lock.unlock();
  if (!lane.stages.has_stage(work->stage)) lane.stages.add_stage(work->stage);
  work->gather();
  lock.lock();
  lane.peak_bytes = lane.stages.peak_bytes();
  if (stopping || failure) return false;

  StageRun ran{.begin = Clock::now()};
  if (!run_on_device(lane, lock, *work, ran)) return false;
  lock.unlock();
  std::vector<bool> stops;
  try {
    stops = decide(*work, ran);
  } catch (...) {  // a policy's own error is no device's
    lock.lock();
    if (!failure) failure = std::current_exception();
    return false;
  }
  trace_work(lane, *work, ran);
  lock.lock();
  settle(lane, stops, ran.times);
  return true;
}

bool CascadePipeline::State::run_on_device(Lane& lane, Lock& lock, const Work& work, StageRun& ran) const {
  const std::chrono::milliseconds limit = settings.executor.device_timeout;
  if (!lane.watched(lock, limit, [&] { lane.stages.upload(work.pixels, work.first_slot); })) return false;
  ran.uploaded = Clock::now();
  const auto run_stage = [&] { ran.outcome = lane.stages.run(work.stage, work.slots, ran.times); };
  if (!lane.watched(lock, lane.stages.is_warm(work.stage) ? limit : kCold * limit, run_stage)) return false;
  ran.end = Clock::now();
  return true;
}

// Writes what the stage said to its passages. Returns who stops.
std::vector<bool> CascadePipeline::State::decide(const Work& work, StageRun& ran) const {
  const std::size_t c = to_size(model.classes);
  std::vector<bool> stops;
  stops.reserve(work.passages.size());
  for (std::size_t i = 0; i < work.passages.size(); ++i) {
    Passage& passage = *work.passages[i];
    const auto row = std::span(ran.outcome.probabilities).subspan(i * c, c);
    passage.probabilities.insert(passage.probabilities.end(), row.begin(), row.end());
    passage.stop_probability.push_back(ran.outcome.stop_probability[i]);
    stops.push_back(decision(passage));
  }
  ran.decided = Clock::now();
  if (settings.executor.time_stages) {
    ran.times.compaction_seconds = std::chrono::duration<double>(ran.decided - ran.end).count();
    ran.times.seconds += ran.times.compaction_seconds;
  }
  return stops;
}

void CascadePipeline::State::trace_work(const Lane& lane, const Work& work, const StageRun& ran) const {
  Trace* const trace = settings.executor.trace.get();
  if (!trace) return;
  if (!work.uploads.empty()) trace->add_work(lane.number, "upload", work.uploads.size(), ran.begin, ran.uploaded);
  const std::string stage = fmt::format("stage {}: {}", work.stage, network_name(work.stage));
  trace->add_work(lane.number, stage, work.slots.size(), ran.uploaded, ran.end);
  trace->add_work(lane.number, "decide", work.slots.size(), ran.end, ran.decided);
}

void CascadePipeline::State::settle(Lane& lane, const std::vector<bool>& stops, const StageCounts& times) {
  const std::size_t stage = lane.work->stage;
  StageCounts& of = counts[stage];
  of += times;
  of.entered += static_cast<std::int64_t>(stops.size());
  of.stopped += std::ranges::count(stops, true);
  queues->settle(*lane.work, stops);
  lane.work.reset();
  if (stage + 1 < counts.size()) trace_queue(stage + 1);
  work_changed.notify_all();
  if (submitter_waits || queues->unfinished() == 0 || queues->next_is_done()) result_changed.notify_all();
}

void CascadePipeline::State::trace_queue(std::size_t stage) const {
  if (settings.executor.trace) settings.executor.trace->add_queue(stage, queues->waiting(stage));
}

Lane* CascadePipeline::State::lane_of(const Device& device) {
  const auto found =
      std::ranges::find_if(lanes, [&](const Lane& lane) { return lane.device.context()() == device.context()(); });
  return found == lanes.end() ? nullptr : &*found;
}

// A device has failed: its images wait again, for the device that takes its stages if there is one.
void CascadePipeline::State::fail(Lane& lane, const std::exception_ptr& error, const std::string& where) {
  DeviceFailure record{.device = lane.device.info().name, .reason = text_of(error)};
  if (!where.empty()) record.reason += fmt::format(" ({})", where);
  for (std::size_t stage = 0; stage < counts.size(); ++stage)
    if (queues->owner(stage) == lane.number) record.stages.push_back(stage);
  const auto left =
      std::ranges::find_if(lanes, [&](const Lane& other) { return !other.failed() && other.number != lane.number; });
  const bool goes_on = settings.executor.on_failure == OnDeviceFailure::go_on && left != lanes.end();
  if (goes_on) record.moved_to = left->device.info().name;
  failures.push_back(std::move(record));
  if (goes_on) queues->move(lane.number, left->number, lane.work ? *lane.work : Work{});
  if (!goes_on && !failure) failure = error;
  lane.fail(error);
  notify();
}

void CascadePipeline::State::give_up_overdue() {
  for (Lane& lane : lanes) {
    if (!lane.overdue()) continue;
    fail(lane, std::make_exception_ptr(
                   DeviceHangError(fmt::format("device {}: {} has not ended within {} s", lane.device.info().name,
                                               lane.doing, lane.limit().count() / 1e3))));
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
  give_up_overdue();
}

void CascadePipeline::State::end_threads(Lock& lock) {
  stopping = true;
  notify();
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

void CascadePipeline::State::notify() {
  work_changed.notify_all();
  result_changed.notify_all();
}

}  // namespace cascadecl
