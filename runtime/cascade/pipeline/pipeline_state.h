#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cascade/pipeline/lane.h"
#include "runtime/cascade/pipeline/passage_queues.h"
#include "runtime/cascade/pipeline/pipeline.h"

namespace cascadecl {

// The state that a pipeline and the threads of its lanes share, and the work of those threads (lane_thread.cpp). A
// thread keeps it alive.
struct CascadePipeline::State {
  using Lock = Lane::Lock;

  // settings: with policy and combine
  State(Model of, const std::vector<Device>& devices, const PipelineSettings& chosen);

  // A function that takes a Lock is called with it, on `mutex`, which guards what stands below it. One that takes it by
  // `const Lock&` keeps it all the while; one that takes it by `Lock&` lets go of it in between.
  static void start_threads(const std::shared_ptr<State>& self, const Lock& lock);
  bool ready(const Lock& lock) const;                     // no device that works has stages to make, or is at it
  Lane* lane_of(const Device& device, const Lock& lock);  // null if there is none
  void fail(Lane& lane, const std::exception_ptr& error, const std::string& where, const Lock& lock);
  void give_up_overdue(const Lock& lock);
  // Waits until a result is there, watching the devices. Throws the failure once no device works any more.
  template <class Condition>
  void wait_for(Lock& lock, const Condition& there) {
    while (!there()) {
      throw_failure(lock);
      wait_watching(lock);
    }
  }
  void throw_failure(Lock& lock);  // if there is one
  void wait_watching(Lock& lock);  // until something has changed, perhaps
  void end_threads(Lock& lock);
  void notify(const Lock& lock);

  const Model model;
  const PipelineSettings settings;

  mutable std::mutex mutex;
  std::condition_variable work_changed, result_changed;
  std::deque<Lane> lanes;
  std::optional<PassageQueues> queues;
  bool flushed = false, submitter_waits = false, stopping = false;
  std::exception_ptr failure;  // of the whole run
  std::vector<StageCounts> counts;
  std::vector<DeviceFailure> failures;

 private:
  // A run of a stage on its device: what came of it, and when.
  struct StageRun {
    Lane::Clock::time_point begin, uploaded = {}, end = {}, decided = {};
    StageRunner::Outcome outcome = {};
    StageCounts times = {};
  };

  // Of a lane's thread.
  void serve(Lane& lane);
  void work_through(Lane& lane, Lock& lock);
  bool step(Lane& lane, Lock& lock);
  bool make_ready(Lane& lane, Lock& lock);
  bool warm_up(Lane& lane, Lock& lock);
  bool run(Lane& lane, Lock& lock);
  bool run_on_device(Lane& lane, Lock& lock, const StageBatch& batch, StageRun& ran) const;
  std::vector<bool> decide(const StageBatch& batch, StageRun& ran) const;
  void trace_batch(const Lane& lane, const StageBatch& batch, const StageRun& ran) const;
  const std::string& network_name(std::size_t stage) const { return model.stages[stage].network.name(); }
  void settle(Lane& lane, const std::vector<bool>& stops, const StageCounts& times, const Lock& lock);
  void trace_queue(std::size_t stage, const Lock& lock) const;

  std::size_t window_ = 0, slots_ = 0;  // images of a device: the most of a run, and for which it has room
};

}  // namespace cascadecl
