#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/pipeline/pipeline_state.h"
#include "runtime/cascade/pipeline/trace.h"
#include "runtime/ops/launch.h"

// What a lane's thread does: makes its device ready, then runs what waits for it.
namespace cascadecl {
namespace {

using Clock = Passage::Clock;

// A device's error, which may be a kernel's, with the name of the device.
std::exception_ptr named(const DeviceError& error, const std::string& device, const std::string& doing) {
  const std::string text = error.what();
  if (text.find(device) != std::string::npos) return std::current_exception();
  return std::make_exception_ptr(DeviceError(fmt::format("device {}, {}: {}", device, doing, text)));
}

void relock(Lane::Lock& lock) {
  if (!lock.owns_lock()) lock.lock();
}

}  // namespace

void CascadePipeline::State::serve(Lane& lane) {
  Lock lock(mutex);
  try {
    work_through(lane, lock);
  } catch (...) {  // no device's: a lack of memory, a mistake
    relock(lock);
    if (!failure) failure = std::current_exception();
  }
  lane.leave();
  notify(lock);
}

void CascadePipeline::State::work_through(Lane& lane, Lock& lock) {
  try {
    while (step(lane, lock)) {
    }
  } catch (const DeviceError& error) {
    relock(lock);
    fail(lane, named(error, lane.device.info().name, lane.doing), {}, lock);
  }
}

// Runs one piece of work, or waits. Returns false once the lane is to end.
bool CascadePipeline::State::step(Lane& lane, Lock& lock) {
  if (stopping || failure || lane.failed()) return false;
  if (!lane.ready) return make_ready(lane, lock);
  if (lane.cold) return warm_up(lane, lock);
  queues->expect_more(!flushed && !submitter_waits);
  if (const auto stage = queues->choose(lane.number)) {
    lane.batch = std::make_shared<StageBatch>(queues->take(*stage));
    trace_queue(*stage, lock);
    return run(lane, lock);
  }
  if (const auto due = queues->next_due(lane.number)) {
    work_changed.wait_until(lock, *due);
  } else {
    work_changed.wait(lock);
  }
  return true;
}

// Makes one thing that the lane lacks: its device's memory for images, or a stage, which may have been another's.
bool CascadePipeline::State::make_ready(Lane& lane, Lock& lock) {
  const ExecutorSettings& executor = settings.executor;
  if (!lane.stages) {
    lane.doing = "making room for images";
    return lane.watched(lock, executor.first_timeout(), [&] {
      lane.stages.emplace(traced(lane.device, executor.trace, lane.number), model, executor, window_, slots_);
    });
  }
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    if (queues->owner(stage) != lane.number || lane.stages->has_stage(stage)) continue;
    lane.doing = fmt::format("making stage {} ({}) ready", stage, network_name(stage));
    return lane.watched(lock, executor.first_timeout(), [&] { lane.stages->add_stage(stage); });
  }
  lane.ready = true;
  lane.peak_bytes = lane.stages->peak_bytes();
  result_changed.notify_all();
  return true;
}

bool CascadePipeline::State::warm_up(Lane& lane, Lock& lock) {
  lane.doing = "warming up";
  if (!lane.watched(lock, settings.executor.first_timeout(), [&] { lane.stages->warm_up(); })) return false;
  lane.cold = !lane.ready;  // stages may have come meanwhile
  result_changed.notify_all();
  return true;
}

// The lane's work. What the host does in it is not watched, so that queues and images stay until it is done; what the
// device does uses only the thread's own memory, for nobody waits for a device that is late.
bool CascadePipeline::State::run(Lane& lane, Lock& lock) {
  const std::shared_ptr<StageBatch> batch = lane.batch;
  lane.doing = fmt::format("stage {} ({}) on {} images", batch->stage, network_name(batch->stage), batch->slots.size());
  lock.unlock();
  batch->gather();
  if (sees_earlier(model, batch->stage)) batch->pool(to_size(model.classes), model.combination);
  lock.lock();
  if (stopping || failure) return false;

  StageRun ran{.begin = Clock::now()};
  if (!run_on_device(lane, lock, *batch, ran)) return false;
  lock.unlock();
  std::vector<bool> stops;
  try {
    stops = decide(*batch, ran);
  } catch (...) {  // a policy's own error is no device's
    lock.lock();
    if (!failure) failure = std::current_exception();
    return false;
  }
  trace_batch(lane, *batch, ran);
  lock.lock();
  settle(lane, stops, ran.times, lock);
  return true;
}

bool CascadePipeline::State::run_on_device(Lane& lane, Lock& lock, const StageBatch& batch, StageRun& ran) const {
  const ExecutorSettings& executor = settings.executor;
  if (!lane.watched(lock, executor.device_timeout, [&] { lane.stages->upload(batch.pixels, batch.first_slot); }))
    return false;
  ran.uploaded = Clock::now();
  const auto run_stage = [&] { ran.outcome = lane.stages->run(batch.stage, batch.slots, batch.earlier, ran.times); };
  const bool warm = lane.stages->is_warm(batch.stage);
  if (!lane.watched(lock, warm ? executor.device_timeout : executor.first_timeout(), run_stage)) return false;
  ran.end = Clock::now();
  lane.busy_seconds += std::chrono::duration<double>(ran.end - ran.begin).count();
  return true;
}

// Writes what the stage said to its passages. Returns who stops. Under a policy that does not ask the model, stop
// probabilities tell where an image stopped.
std::vector<bool> CascadePipeline::State::decide(const StageBatch& batch, StageRun& ran) const {
  const std::size_t c = to_size(model.classes);
  const StoppingPolicy& policy = *settings.executor.policy;
  std::vector<bool> leave;
  leave.reserve(batch.passages.size());
  for (std::size_t i = 0; i < batch.passages.size(); ++i) {
    Passage& passage = *batch.passages[i];
    const auto row = std::span(ran.outcome.probabilities).subspan(i * c, c);
    passage.probabilities.insert(passage.probabilities.end(), row.begin(), row.end());
    passage.stop_probability.push_back(ran.outcome.stop_probability[i]);
    leave.push_back(
        stops(batch.stage, model.stages.size(), policy.limit, [&] { return policy.score->of(passage.visit(c)); }));
    if (!policy.asks_model) passage.stop_probability.back() = leave.back() ? 1.0F : 0.0F;
  }
  ran.decided = Clock::now();
  if (settings.executor.time_stages) {
    ran.times.deciding_seconds = std::chrono::duration<double>(ran.decided - ran.end).count();
    ran.times.seconds += ran.times.deciding_seconds;
  }
  return leave;
}

void CascadePipeline::State::trace_batch(const Lane& lane, const StageBatch& batch, const StageRun& ran) const {
  Trace* const trace = settings.executor.trace.get();
  if (!trace) return;
  if (!batch.uploads.empty()) trace->add_span(lane.number, "upload", batch.uploads.size(), ran.begin, ran.uploaded);
  const std::string stage = fmt::format("stage {}: {}", batch.stage, network_name(batch.stage));
  trace->add_span(lane.number, stage, batch.slots.size(), ran.uploaded, ran.end);
  trace->add_span(lane.number, "decide", batch.slots.size(), ran.end, ran.decided);
}

void CascadePipeline::State::settle(Lane& lane, const std::vector<bool>& stops, const StageCounts& times,
                                    const Lock& lock) {
  const std::size_t stage = lane.batch->stage;
  StageCounts& of = counts[stage];
  of += times;
  of.entered += static_cast<std::int64_t>(stops.size());
  of.stopped += std::ranges::count(stops, true);
  queues->settle(*lane.batch, stops);
  lane.batch.reset();
  if (stage + 1 < counts.size()) trace_queue(stage + 1, lock);
  work_changed.notify_all();
  if (submitter_waits || queues->unfinished() == 0 || queues->next_is_done()) result_changed.notify_all();
}

void CascadePipeline::State::trace_queue(std::size_t stage, const Lock&) const {
  if (settings.executor.trace) settings.executor.trace->add_queue(stage, queues->waiting(stage));
}

}  // namespace cascadecl
