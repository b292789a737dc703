#include "runtime/cascade/pipeline/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "data/error.h"
#include "runtime/cascade/pipeline/passage_queues.h"
#include "runtime/cascade/pipeline/stage_device.h"
#include "runtime/cascade/pipeline/stop_decision.h"
#include "runtime/cascade/pipeline/trace.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

using Clock = Passage::Clock;

constexpr std::size_t kWindows = 2;        // of images that a device has room for
constexpr std::size_t kSharedBatches = 4;  // of a window, so that the next device need not wait long for its first one
constexpr std::chrono::milliseconds kWatch{200};

// A device, its thread and what it is at.
struct Lane {
  explicit Lane(StageDevice stage_device) : device(std::move(stage_device)) {}
  StageDevice device;
  std::thread thread;
  bool failed = false, hung = false;
  std::optional<Clock::time_point> busy_since;
  Work work;  // while busy
  double busy_seconds = 0;
};

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

// A device's error, which may be a kernel's, with the name of the device; another one as it is.
std::exception_ptr named(const std::exception_ptr& error, const std::string& device, const std::string& stage) {
  try {
    std::rethrow_exception(error);
  } catch (const DeviceHangError&) {
    return error;
  } catch (const DeviceError& exception) {
    const std::string text = exception.what();
    if (text.find(device) != std::string::npos) return error;
    return std::make_exception_ptr(DeviceError(fmt::format("device {}, {}: {}", device, stage, text)));
  } catch (...) {
    return error;
  }
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

}  // namespace

struct CascadePipeline::State {
  State(const Model& of, const std::vector<Device>& devices, const PipelineSettings& chosen);

  // Of a lane's thread. `lock` holds mutex.
  static void serve(const std::shared_ptr<State>& state, std::size_t lane);
  bool step(std::size_t lane, std::unique_lock<std::mutex>& lock);
  void wait(std::size_t lane, std::unique_lock<std::mutex>& lock);
  std::vector<bool> decide(const Work& work, const StageRunner::Outcome& outcome) const;
  void settle(const Work& work, const std::vector<bool>& stops, const StageCounts& times);
  void trace_queue(std::size_t stage) const;

  void fail(std::size_t lane, const std::exception_ptr& error);
  void check_hangs();
  void start_threads(const std::shared_ptr<State>& self);
  template <class Condition>
  void wait_for(std::unique_lock<std::mutex>& lock, const Condition& there);
  bool all_idle() const;
  void notify();

  Model model;
  PipelineSettings settings;
  StopDecision decision;
  std::deque<Lane> lanes;

  mutable std::mutex mutex;
  std::condition_variable work_changed, result_changed;
  std::optional<PassageQueues> queues;
  bool flushed = false, submitter_waits = false, stopping = false;
  std::exception_ptr failure;
  std::vector<StageCounts> counts;
  std::vector<DeviceFailure> failures;
};

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
    lanes.emplace_back(StageDevice(handle, model, executor, window, slots));
  }
  for (std::size_t stage = 0; stage < owner.size(); ++stage) lanes[owner[stage]].device.add_stage(stage);
  queues.emplace(PassageQueues::Settings{.owner = owner,
                                         .devices = lanes.size(),
                                         .slots = slots,
                                         .batch = batch,
                                         .window = window,
                                         .max_delay = settings.max_delay});
}

// Writes what the stage said to its passages. Returns who stops.
std::vector<bool> CascadePipeline::State::decide(const Work& work, const StageRunner::Outcome& outcome) const {
  const std::size_t c = to_size(model.classes);
  std::vector<bool> stops;
  stops.reserve(work.passages.size());
  for (std::size_t i = 0; i < work.passages.size(); ++i) {
    Passage& passage = *work.passages[i];
    const auto row = std::span(outcome.probabilities).subspan(i * c, c);
    passage.probabilities.insert(passage.probabilities.end(), row.begin(), row.end());
    passage.stop_probability.push_back(outcome.stop_probability[i]);
    stops.push_back(decision(passage));
  }
  return stops;
}

void CascadePipeline::State::settle(const Work& work, const std::vector<bool>& stops, const StageCounts& times) {
  StageCounts& of = counts[work.stage];
  of += times;
  of.entered += static_cast<std::int64_t>(stops.size());
  of.stopped += std::ranges::count(stops, true);
  queues->settle(work, stops);
  if (work.stage + 1 < counts.size()) trace_queue(work.stage + 1);
}

void CascadePipeline::State::trace_queue(std::size_t stage) const {
  if (settings.executor.trace) settings.executor.trace->add_queue(stage, queues->waiting(stage));
}

void CascadePipeline::State::notify() {
  work_changed.notify_all();
  result_changed.notify_all();
}

void CascadePipeline::State::wait(std::size_t lane, std::unique_lock<std::mutex>& lock) {
  if (const auto due = queues->next_due(lane)) {
    work_changed.wait_until(lock, *due);
  } else {
    work_changed.wait(lock);
  }
}

// Runs one piece of work, or waits. Returns false once the lane is to end.
bool CascadePipeline::State::step(std::size_t index, std::unique_lock<std::mutex>& lock) {
  Lane& lane = lanes[index];
  if (stopping || failure || lane.failed) return false;
  queues->expect_more(!flushed && !submitter_waits);
  const auto stage = queues->choose(index);
  if (!stage) {
    wait(index, lock);
    return true;
  }
  lane.work = queues->take(*stage);
  trace_queue(*stage);
  const Work& work = lane.work;  // only this thread takes another
  const Clock::time_point begin = Clock::now();
  lane.busy_since = begin;
  lock.unlock();

  StageCounts times;
  StageRunner::Outcome outcome;
  std::exception_ptr error;
  const std::string name = fmt::format("stage {}: {}", *stage, model.stages[*stage].network.name());
  Clock::time_point uploaded = begin;
  try {
    if (!lane.device.has_stage(*stage)) lane.device.add_stage(*stage);
    lane.device.upload(work.uploads, work.first_slot);
    uploaded = Clock::now();
    outcome = lane.device.run(*stage, work.passages, times);
  } catch (...) {
    error = std::current_exception();
  }

  lock.lock();
  if (lane.hung) return false;  // somebody else has its images now
  lane.busy_since.reset();
  const Clock::time_point ran = Clock::now();
  lane.busy_seconds += std::chrono::duration<double>(ran - begin).count();
  if (error) {
    fail(index, named(error, lane.device.device().info().name, name));
    return false;
  }
  lock.unlock();
  std::vector<bool> stops;
  try {
    stops = decide(work, outcome);
  } catch (...) {  // a policy's own error is no device's
    lock.lock();
    failure = std::current_exception();
    notify();
    return false;
  }
  const Clock::time_point decided = Clock::now();
  if (settings.executor.time_stages) {
    times.compaction_seconds = std::chrono::duration<double>(decided - ran).count();
    times.seconds += times.compaction_seconds;
  }
  if (settings.executor.trace) {
    if (!work.uploads.empty()) settings.executor.trace->add_work(index, "upload", work.uploads.size(), begin, uploaded);
    settings.executor.trace->add_work(index, name, work.passages.size(), uploaded, ran);
    settings.executor.trace->add_work(index, "decide", work.passages.size(), ran, decided);
  }
  lock.lock();
  settle(work, stops, times);
  work_changed.notify_all();
  if (submitter_waits || queues->unfinished() == 0 || queues->next_is_done()) result_changed.notify_all();
  return true;
}

void CascadePipeline::State::serve(const std::shared_ptr<State>& state, std::size_t lane) {
  std::unique_lock lock(state->mutex);
  while (state->step(lane, lock)) {
  }
}

// A lane ends with an error: its images wait again, for the device that takes its stages if there is one.
void CascadePipeline::State::fail(std::size_t index, const std::exception_ptr& error) {
  Lane& lane = lanes[index];
  lane.failed = true;
  lane.busy_since.reset();
  DeviceFailure record{.device = lane.device.device().info().name, .reason = text_of(error)};
  for (std::size_t stage = 0; stage < counts.size(); ++stage)
    if (queues->owner(stage) == index) record.stages.push_back(stage);
  const auto left = std::ranges::find_if(lanes, [](const Lane& other) { return !other.failed; });
  if (settings.executor.on_failure == OnDeviceFailure::stop || left == lanes.end()) {
    failure = error;
  } else {
    record.moved_to = left->device.device().info().name;
    queues->move(index, static_cast<std::size_t>(left - lanes.begin()), lane.work);
  }
  failures.push_back(std::move(record));
  notify();
}

void CascadePipeline::State::check_hangs() {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    Lane& lane = lanes[i];
    if (!lane.busy_since || Clock::now() - *lane.busy_since < settings.executor.device_timeout) continue;
    lane.hung = true;
    fail(i, std::make_exception_ptr(DeviceHangError(fmt::format(
                "device {}: stage {} on {} images has not ended within {} s", lane.device.device().info().name,
                lane.work.stage, lane.work.passages.size(), settings.executor.device_timeout.count() / 1e3))));
  }
}

// Waits until a result is there. Throws the failure once no device works any more.
template <class Condition>
void CascadePipeline::State::wait_for(std::unique_lock<std::mutex>& lock, const Condition& there) {
  while (!there()) {
    if (failure && all_idle()) std::rethrow_exception(failure);
    result_changed.wait_for(lock, kWatch);
    check_hangs();
  }
}

bool CascadePipeline::State::all_idle() const {
  return std::ranges::none_of(lanes, [](const Lane& lane) { return lane.busy_since.has_value(); });
}

void CascadePipeline::State::start_threads(const std::shared_ptr<State>& self) {
  if (lanes.front().thread.joinable()) return;
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i].thread = std::thread(serve, self, i);
}

CascadePipeline::CascadePipeline(const Model& model, const std::vector<Device>& devices,
                                 const PipelineSettings& settings) {
  check_model(model);
  if (devices.size() != model.stages.size())
    throw UsageError(fmt::format("cascade: {} devices for {} stages", devices.size(), model.stages.size()));
  if (model.policies.empty() && model.stages.size() > 1 && !settings.executor.policy)
    throw UsageError("cascade: the model has no policies, and no other policy decides");
  if (settings.executor.max_batch < 1)
    throw UsageError(fmt::format("cascade: batch size {} is below 1", settings.executor.max_batch));
  state_ = std::make_shared<State>(model, devices, settings);
}

CascadePipeline::CascadePipeline(CascadePipeline&&) noexcept = default;

CascadePipeline& CascadePipeline::operator=(CascadePipeline&& other) noexcept {
  CascadePipeline(std::move(other)).state_.swap(state_);
  return *this;
}

CascadePipeline::~CascadePipeline() {
  if (!state_) return;
  std::vector<std::thread> ending;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (Lane& lane : state_->lanes) {
      if (lane.hung && lane.thread.joinable()) lane.thread.detach();
      ending.push_back(std::move(lane.thread));
    }
  }
  state_->work_changed.notify_all();
  for (std::thread& thread : ending)
    if (thread.joinable()) thread.join();
}

void CascadePipeline::submit(std::vector<Passage> passages) {
  State& state = *state_;
  state.start_threads(state_);
  std::unique_lock lock(state.mutex);
  const auto room = [&] {
    const std::size_t inside = state.queues->unfinished();
    return state.failure || inside == 0 || inside + passages.size() <= state.settings.capacity;
  };
  while (!room()) {
    if (!std::exchange(state.submitter_waits, true)) state.work_changed.notify_all();
    state.result_changed.wait_for(lock, kWatch);
    state.check_hangs();
  }
  state.submitter_waits = false;
  if (state.failure) std::rethrow_exception(state.failure);
  state.flushed = false;
  state.queues->submit(std::move(passages));
  state.work_changed.notify_all();
}

void CascadePipeline::flush() {
  const std::lock_guard lock(state_->mutex);
  state_->flushed = true;
  state_->notify();
}

std::optional<Passage> CascadePipeline::next() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.wait_for(lock, [&] { return state.queues->empty() ? state.flushed : state.queues->next_is_done(); });
  if (state.queues->empty()) return std::nullopt;
  return state.queues->pop();
}

std::vector<Passage> CascadePipeline::drain() {
  flush();
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.wait_for(lock, [&] { return state.queues->unfinished() == 0; });
  return state.queues->pop_all();
}

void CascadePipeline::warm_up() {
  for (Lane& lane : state_->lanes) lane.device.warm_up();
}

std::vector<StageCounts> CascadePipeline::take_counts() {
  const std::lock_guard lock(state_->mutex);
  std::vector<StageCounts> counts(state_->counts.size());
  counts.swap(state_->counts);
  return counts;
}

std::string to_string(const DeviceFailure& failure) {
  return fmt::format("device {} failed, its stages went on on {}: {}", failure.device, failure.moved_to,
                     failure.reason);
}

PipelineStatistics CascadePipeline::statistics() const {
  const std::lock_guard lock(state_->mutex);
  PipelineStatistics statistics{.longest_queue = state_->queues->longest(), .failures = state_->failures};
  for (const Lane& lane : state_->lanes)
    statistics.devices.push_back({lane.device.device().info().name, lane.busy_seconds});
  return statistics;
}

std::size_t CascadePipeline::peak_bytes() const {
  return std::accumulate(state_->lanes.begin(), state_->lanes.end(), std::size_t{0},
                         [](std::size_t sum, const Lane& lane) { return sum + lane.device.peak_bytes(); });
}

}  // namespace cascadecl
