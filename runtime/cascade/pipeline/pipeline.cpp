#include "runtime/cascade/pipeline/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "data/error.h"
#include "runtime/cascade/pipeline/next_stage.h"
#include "runtime/cascade/pipeline/slot_ring.h"
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

// Images that a device takes through a stage together.
struct Work {
  std::size_t stage = 0;
  std::vector<Passage*> passages;
  std::vector<std::span<const std::uint8_t>> uploads;  // of those that the device does not hold yet
  std::size_t first_slot = 0;                          // of the uploads
};

// A device, its thread and what it is at.
struct Lane {
  Lane(StageDevice stage_device, std::size_t slots) : device(std::move(stage_device)), ring(slots) {}
  StageDevice device;
  SlotRing ring;
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

}  // namespace

struct CascadePipeline::State {
  State(const Model& of, const std::vector<Device>& devices, const PipelineSettings& chosen);

  // Of a lane's thread. `lock` holds mutex.
  static void serve(const std::shared_ptr<State>& state, std::size_t lane);
  bool step(std::size_t lane, std::unique_lock<std::mutex>& lock);
  std::optional<std::size_t> choose(std::size_t lane) const;
  WaitingStage waiting(std::size_t stage, Clock::time_point now) const;
  std::size_t ready(std::size_t stage) const;
  bool drained(std::size_t stage) const;
  std::optional<Clock::time_point> next_due(std::size_t lane) const;
  Work take(std::size_t stage);
  std::vector<bool> decide(const Work& work, const StageRunner::Outcome& outcome) const;
  void settle(std::size_t lane, const Work& work, const std::vector<bool>& stops);
  void leave_device(Passage& passage);
  void push(Passage& passage);

  void fail(std::size_t lane, const std::exception_ptr& error);
  void move_stages(std::size_t from, std::size_t to);
  void check_hangs();
  void start_threads(const std::shared_ptr<State>& self);
  template <class Condition>
  void wait_for(std::unique_lock<std::mutex>& lock, const Condition& there);
  bool all_idle() const;

  Model model;
  PipelineSettings settings;
  StopDecision decision;
  std::size_t batch, window;
  std::deque<Lane> lanes;
  std::vector<std::size_t> owner;  // [stages], the lane that runs it

  mutable std::mutex mutex;
  std::condition_variable work_changed, result_changed;
  std::deque<Passage> inside;                // in the order of submission; pointers to its elements stay valid
  std::vector<std::deque<Passage*>> queues;  // [stages]
  std::vector<std::size_t> running;          // [stages], images that are being run
  std::size_t unfinished = 0;
  bool flushed = false, submitter_waits = false, stopping = false;
  std::exception_ptr failure;
  std::vector<StageCounts> counts;
  std::vector<std::size_t> longest_queue;
  std::vector<DeviceFailure> failures;
};

CascadePipeline::State::State(const Model& of, const std::vector<Device>& devices, const PipelineSettings& chosen)
    : model(of),
      settings(chosen),
      decision(chosen.executor, of.stages.size(), of.classes),
      batch(to_size(chosen.executor.max_batch)),
      window(window_images(chosen.executor, of.input)),
      queues(of.stages.size()),
      running(of.stages.size()),
      counts(of.stages.size()),
      longest_queue(of.stages.size()) {
  for (std::size_t stage = 0; stage < devices.size(); ++stage) {
    const auto same = std::ranges::find_if(
        lanes, [&](const Lane& lane) { return lane.device.device().context()() == devices[stage].context()(); });
    owner.push_back(static_cast<std::size_t>(same - lanes.begin()));
    if (same == lanes.end()) {
      const std::size_t slots = kWindows * window;
      lanes.emplace_back(StageDevice(devices[stage], model, settings.executor, window, slots), slots);
      if (settings.executor.trace) settings.executor.trace->name_device(lanes.size() - 1, devices[stage].info().name);
    }
    lanes[owner[stage]].device.add_stage(stage);
  }
  if (lanes.size() > 1) window = std::min(window, kSharedBatches * batch);
}

// How many images could be run at once: those without a copy on the device need room, and a full batch of them or none.
std::size_t CascadePipeline::State::ready(std::size_t stage) const {
  const std::deque<Passage*>& queue = queues[stage];
  const std::size_t n = std::min(queue.size(), window), room = lanes[owner[stage]].ring.room();
  std::size_t uploads = 0, i = 0;
  for (; i < n; ++i) {
    if (queue[i]->device != owner[stage] && ++uploads > room) break;
  }
  return i < std::min(n, batch) ? 0 : i;
}

bool CascadePipeline::State::drained(std::size_t stage) const {
  if (!flushed && !submitter_waits) return false;
  for (std::size_t t = 0; t < stage; ++t)
    if (!queues[t].empty() || running[t] > 0) return false;
  return true;
}

WaitingStage CascadePipeline::State::waiting(std::size_t stage, Clock::time_point now) const {
  const std::deque<Passage*>& queue = queues[stage];
  return {.ready = ready(stage),
          .first = stage == 0,
          .due = settings.max_delay && !queue.empty() && now >= queue.front()->waiting_since + *settings.max_delay,
          .drained = drained(stage)};
}

std::optional<std::size_t> CascadePipeline::State::choose(std::size_t lane) const {
  std::vector<WaitingStage> mine;
  std::vector<std::size_t> stages;
  bool no_room = false;
  const Clock::time_point now = Clock::now();
  for (std::size_t stage = 0; stage < owner.size(); ++stage) {
    if (owner[stage] != lane) continue;
    mine.push_back(waiting(stage, now));
    stages.push_back(stage);
    no_room |= mine.back().ready == 0 && !queues[stage].empty();
  }
  std::optional<std::size_t> chosen = next_stage(mine, batch, window);
  if (!chosen && no_room) {  // only images that leave make some
    for (WaitingStage& stage : mine) stage.drained = true;
    chosen = next_stage(mine, batch, window);
  }
  if (!chosen) return std::nullopt;
  return stages[*chosen];
}

std::optional<Clock::time_point> CascadePipeline::State::next_due(std::size_t lane) const {
  std::optional<Clock::time_point> due;
  for (std::size_t stage = 0; settings.max_delay && stage < owner.size(); ++stage) {
    if (owner[stage] != lane || queues[stage].empty()) continue;
    const Clock::time_point at = queues[stage].front()->waiting_since + *settings.max_delay;
    due = due ? std::min(*due, at) : at;
  }
  return due;
}

Work CascadePipeline::State::take(std::size_t stage) {
  Lane& lane = lanes[owner[stage]];
  std::deque<Passage*>& queue = queues[stage];
  Work work{.stage = stage};
  const auto end = queue.begin() + static_cast<std::ptrdiff_t>(ready(stage));
  work.passages.assign(queue.begin(), end);
  queue.erase(queue.begin(), end);
  for (const Passage* passage : work.passages)
    if (passage->device != owner[stage]) work.uploads.push_back(passage->pixels);
  if (!work.uploads.empty()) work.first_slot = lane.ring.take(work.uploads.size()).value();
  std::size_t slot = work.first_slot;
  for (Passage* passage : work.passages) {
    if (passage->device == owner[stage]) continue;
    passage->device = owner[stage];
    passage->slot = slot++;
  }
  running[stage] += work.passages.size();
  if (settings.executor.trace) settings.executor.trace->add_queue(stage, queue.size());
  return work;
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

void CascadePipeline::State::leave_device(Passage& passage) {
  if (passage.device && !lanes[*passage.device].failed) lanes[*passage.device].ring.release(passage.slot);
  passage.device.reset();
}

void CascadePipeline::State::push(Passage& passage) {
  std::deque<Passage*>& queue = queues[passage.stage];
  passage.waiting_since = Clock::now();
  queue.push_back(&passage);
  longest_queue[passage.stage] = std::max(longest_queue[passage.stage], queue.size());
}

void CascadePipeline::State::settle(std::size_t lane, const Work& work, const std::vector<bool>& stops) {
  const Clock::time_point now = Clock::now();
  running[work.stage] -= work.passages.size();
  counts[work.stage].entered += static_cast<std::int64_t>(work.passages.size());
  for (std::size_t i = 0; i < work.passages.size(); ++i) {
    Passage& passage = *work.passages[i];
    if (stops[i]) {
      ++counts[work.stage].stopped;
      leave_device(passage);
      passage.finished = now;
      passage.done = true;
      --unfinished;
      continue;
    }
    ++passage.stage;
    if (owner[passage.stage] != lane) leave_device(passage);
    push(passage);
  }
  if (settings.executor.trace && work.stage + 1 < queues.size())
    settings.executor.trace->add_queue(work.stage + 1, queues[work.stage + 1].size());
}

// Runs one piece of work, or waits. Returns false once the lane is to end.
bool CascadePipeline::State::step(std::size_t index, std::unique_lock<std::mutex>& lock) {
  Lane& lane = lanes[index];
  if (stopping || failure || lane.failed) return false;
  const auto stage = choose(index);
  if (!stage) {
    if (const auto due = next_due(index)) {
      work_changed.wait_until(lock, *due);
    } else {
      work_changed.wait(lock);
    }
    return true;
  }
  lane.work = take(*stage);
  const Work work = lane.work;
  const Clock::time_point begin = Clock::now();
  lane.busy_since = begin;
  lock.unlock();

  StageCounts times;
  StageRunner::Outcome outcome;
  std::exception_ptr error;
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
    fail(index, error);
    return false;
  }
  lock.unlock();
  std::vector<bool> stops;
  try {
    stops = decide(work, outcome);
  } catch (...) {  // a policy's own error is no device's
    lock.lock();
    failure = std::current_exception();
    work_changed.notify_all();
    result_changed.notify_all();
    return false;
  }
  const Clock::time_point decided = Clock::now();
  if (settings.executor.time_stages) {
    times.compaction_seconds = std::chrono::duration<double>(decided - ran).count();
    times.seconds += times.compaction_seconds;
  }
  if (settings.executor.trace) {
    if (!work.uploads.empty()) settings.executor.trace->add_work(index, "upload", work.uploads.size(), begin, uploaded);
    settings.executor.trace->add_work(index, fmt::format("stage {}: {}", *stage, model.stages[*stage].network.name()),
                                      work.passages.size(), uploaded, ran);
    settings.executor.trace->add_work(index, "decide", work.passages.size(), ran, decided);
  }
  lock.lock();
  counts[*stage] += times;
  settle(index, work, stops);
  work_changed.notify_all();
  if (submitter_waits || unfinished == 0 || inside.front().done) result_changed.notify_all();
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
  for (std::size_t stage = 0; stage < owner.size(); ++stage)
    if (owner[stage] == index) record.stages.push_back(stage);
  const auto left = std::ranges::find_if(lanes, [](const Lane& other) { return !other.failed; });
  if (settings.executor.on_failure == OnDeviceFailure::stop || left == lanes.end()) {
    failure = error;
  } else {
    record.moved_to = left->device.device().info().name;
    move_stages(index, static_cast<std::size_t>(left - lanes.begin()));
  }
  failures.push_back(std::move(record));
  work_changed.notify_all();
  result_changed.notify_all();
}

void CascadePipeline::State::move_stages(std::size_t from, std::size_t to) {
  const Work& work = lanes[from].work;
  running[work.stage] -= work.passages.size();
  queues[work.stage].insert(queues[work.stage].begin(), work.passages.begin(), work.passages.end());
  for (std::size_t stage = 0; stage < owner.size(); ++stage) {
    if (owner[stage] == from) owner[stage] = to;
    for (Passage* passage : queues[stage])
      if (passage->device == from) passage->device.reset();
  }
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
    return state.failure || state.unfinished == 0 || state.unfinished + passages.size() <= state.settings.capacity;
  };
  while (!room()) {
    if (!std::exchange(state.submitter_waits, true)) state.work_changed.notify_all();
    state.result_changed.wait_for(lock, kWatch);
    state.check_hangs();
  }
  state.submitter_waits = false;
  if (state.failure) std::rethrow_exception(state.failure);
  const Clock::time_point now = Clock::now();
  state.flushed = false;
  for (Passage& passage : passages) {
    Passage& entered = state.inside.emplace_back(std::move(passage));
    if (entered.submitted == Clock::time_point{}) entered.submitted = now;
    state.push(entered);
  }
  state.unfinished += passages.size();
  state.work_changed.notify_all();
}

void CascadePipeline::flush() {
  const std::lock_guard lock(state_->mutex);
  state_->flushed = true;
  state_->work_changed.notify_all();
  state_->result_changed.notify_all();
}

std::optional<Passage> CascadePipeline::next() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.wait_for(lock, [&] { return state.inside.empty() ? state.flushed : state.inside.front().done; });
  if (state.inside.empty()) return std::nullopt;
  Passage passage = std::move(state.inside.front());
  state.inside.pop_front();
  return passage;
}

std::vector<Passage> CascadePipeline::drain() {
  flush();
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.wait_for(lock, [&] { return state.unfinished == 0; });
  std::vector<Passage> passages(std::make_move_iterator(state.inside.begin()),
                                std::make_move_iterator(state.inside.end()));
  state.inside.clear();
  return passages;
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

PipelineStatistics CascadePipeline::statistics() const {
  const std::lock_guard lock(state_->mutex);
  PipelineStatistics statistics{.longest_queue = state_->longest_queue, .failures = state_->failures};
  for (const Lane& lane : state_->lanes)
    statistics.devices.push_back({lane.device.device().info().name, lane.busy_seconds});
  return statistics;
}

std::size_t CascadePipeline::peak_bytes() const {
  return std::accumulate(state_->lanes.begin(), state_->lanes.end(), std::size_t{0},
                         [](std::size_t sum, const Lane& lane) { return sum + lane.device.peak_bytes(); });
}

}  // namespace cascadecl
