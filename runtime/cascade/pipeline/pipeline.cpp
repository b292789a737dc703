#include "runtime/cascade/pipeline/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/pipeline/pipeline_state.h"

namespace cascadecl {

CascadePipeline::CascadePipeline(const Model& model, const std::vector<Device>& devices,
                                 const PipelineSettings& settings) {
  check_model(model);
  Model runs = model;
  PipelineSettings chosen = settings;
  obey_decision(runs, chosen.executor);
  if (devices.size() != runs.stages.size())
    throw UsageError(fmt::format("cascade: {} devices for {} stages", devices.size(), runs.stages.size()));
  if (runs.policies.empty() && runs.stages.size() > 1 && chosen.executor.policy->asks_model)
    throw UsageError("cascade: the model has no policies, and no other policy decides");
  if (settings.executor.max_batch < 1)
    throw UsageError(fmt::format("cascade: batch size {} is below 1", settings.executor.max_batch));
  state_ = std::make_shared<State>(std::move(runs), devices, chosen);
  State::Lock lock(state_->mutex);
  try {
    State::start_threads(state_, lock);
    state_->wait_for(lock, [&] { return state_->ready(lock); });
    state_->throw_failure(lock);
  } catch (...) {
    state_->end_threads(lock);
    throw;
  }
}

CascadePipeline::CascadePipeline(CascadePipeline&&) noexcept = default;

CascadePipeline& CascadePipeline::operator=(CascadePipeline&& other) noexcept {
  CascadePipeline(std::move(other)).state_.swap(state_);
  return *this;
}

CascadePipeline::~CascadePipeline() {
  if (!state_) return;
  State::Lock lock(state_->mutex);
  state_->end_threads(lock);
}

bool CascadePipeline::submit(std::vector<Passage> passages) {
  State& state = *state_;
  for (const Passage& passage : passages)
    if (passage.pixels.size() != state.model.input.values())
      throw ShapeError(
          fmt::format("cascade: an image of {} bytes, expected {}", passage.pixels.size(), state.model.input.values()));
  State::Lock lock(state.mutex);
  const auto room = [&] {
    const std::size_t inside = state.queues->unfinished();
    return inside == 0 || inside + passages.size() <= state.settings.capacity;
  };
  bool waited = false;
  while (!room()) {
    state.throw_failure(lock);
    waited = true;
    if (!std::exchange(state.submitter_waits, true)) state.work_changed.notify_all();
    state.wait_watching(lock);
  }
  state.submitter_waits = false;
  state.throw_failure(lock);
  state.flushed = false;
  state.queues->submit(std::move(passages));
  state.work_changed.notify_all();
  return waited;
}

void CascadePipeline::flush() {
  const State::Lock lock(state_->mutex);
  state_->flushed = true;
  state_->notify(lock);
}

std::optional<Passage> CascadePipeline::next() {
  State& state = *state_;
  State::Lock lock(state.mutex);
  state.wait_for(
      lock, [&] { return state.queues->empty() ? state.flushed && state.ready(lock) : state.queues->next_is_done(); });
  if (state.queues->empty()) return std::nullopt;
  return state.queues->pop();
}

std::vector<Passage> CascadePipeline::drain() {
  flush();
  State& state = *state_;
  State::Lock lock(state.mutex);
  state.wait_for(lock, [&] { return state.queues->unfinished() == 0 && state.ready(lock); });
  return state.queues->pop_all();
}

void CascadePipeline::warm_up() {
  State& state = *state_;
  State::Lock lock(state.mutex);
  for (Lane& lane : state.lanes) lane.cold = lane.runs() && !lane.failed();
  state.work_changed.notify_all();
  state.wait_for(lock, [&] { return state.ready(lock) && std::ranges::none_of(state.lanes, &Lane::cold); });
  state.throw_failure(lock);
}

void CascadePipeline::give_up(const Device& device, const std::exception_ptr& error, const std::string& where) {
  State& state = *state_;
  State::Lock lock(state.mutex);
  if (Lane* lane = state.lane_of(device, lock); lane && !lane->failed()) state.fail(*lane, error, where, lock);
  state.wait_for(lock, [&] { return state.ready(lock); });
  state.throw_failure(lock);
}

std::exception_ptr CascadePipeline::failure_of(const Device& device) const {
  const State::Lock lock(state_->mutex);
  const Lane* lane = state_->lane_of(device, lock);
  return lane ? lane->error() : nullptr;
}

const ExecutorSettings& CascadePipeline::settings() const { return state_->settings.executor; }

Device CascadePipeline::device(std::size_t stage) const {
  const State::Lock lock(state_->mutex);
  return state_->lanes[state_->queues->owner(stage)].device;
}

std::vector<StageCounts> CascadePipeline::take_counts() {
  const State::Lock lock(state_->mutex);
  std::vector<StageCounts> counts(state_->counts.size());
  counts.swap(state_->counts);
  return counts;
}

PipelineStatistics CascadePipeline::statistics() const {
  const State::Lock lock(state_->mutex);
  PipelineStatistics statistics{.longest_queue = state_->queues->longest(), .failures = state_->failures};
  for (const Lane& lane : state_->lanes) statistics.devices.push_back({lane.device.info().name, lane.busy_seconds});
  return statistics;
}

void CascadePipeline::restart_statistics() {
  const State::Lock lock(state_->mutex);
  state_->queues->forget_longest();
  for (Lane& lane : state_->lanes) lane.busy_seconds = 0;
}

std::size_t CascadePipeline::peak_bytes() const {
  const State::Lock lock(state_->mutex);
  return std::accumulate(state_->lanes.begin(), state_->lanes.end(), std::size_t{0},
                         [](std::size_t sum, const Lane& lane) { return sum + lane.peak_bytes; });
}

std::string to_string(const DeviceFailure& failure) {
  return fmt::format("device {} failed, its stages went on on {}: {}", failure.device, failure.moved_to,
                     failure.reason);
}

}  // namespace cascadecl
