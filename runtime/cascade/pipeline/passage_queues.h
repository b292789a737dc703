#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/pipeline/next_stage.h"
#include "runtime/cascade/pipeline/passage.h"
#include "runtime/cascade/pipeline/slot_ring.h"

namespace cascadecl {

// A batch of images that a device takes through a stage. `passages` belong to the queues, and `uploads` to whoever
// submitted them. Slots and pixels are copies, so a device that is late needs nothing that may be gone by then.
struct StageBatch {
  std::size_t stage = 0;
  std::vector<Passage*> passages;
  std::vector<int> slots;                              // [passages] on the device
  std::vector<std::span<const std::uint8_t>> uploads;  // pixels of images that the device does not hold yet
  std::size_t first_slot = 0;                          // of the uploads, which lie side by side
  std::vector<std::uint8_t> pixels;                    // of the uploads, once gather() has copied them
  std::vector<float> earlier;                          // [passages][classes], once pool() has filled it

  void gather();
  // What the stages visited say together, for a policy that sees the combined answer; see pool_earlier().
  void pool(std::size_t classes, const CombinationWeights& weights);
};

// All images inside a pipeline. It knows in which order they came, which stage each waits for and which device holds
// it, and tells a device what to do next. It has no thread and no OpenCL: callers on several threads must lock.
class PassageQueues {
 public:
  using Clock = Passage::Clock;

  struct Settings {
    std::vector<std::size_t> owner;                      // [stages], the device that runs it
    std::size_t devices = 1, slots = 1;                  // slots: images that each device has room for
    std::size_t batch = 1, window = 1;                   // of a stage: a full batch, and the most it runs at once
    std::optional<std::chrono::microseconds> max_delay;  // see PipelineSettings
  };
  explicit PassageQueues(const Settings& settings);

  void submit(std::vector<Passage> passages);
  // Says whether more images may come, which late stages should wait for.
  void expect_more(bool more) { more_to_come_ = more; }

  // The stage that a device should run now. Nothing: it waits for images, or until next_due().
  std::optional<std::size_t> choose(std::size_t device) const;
  std::optional<Clock::time_point> next_due(std::size_t device) const;
  // Takes the images of a chosen stage, and gives slots to those that must be uploaded.
  StageBatch take(std::size_t stage);
  // After the stage has run. stops [passages]: whether each leaves; the others wait for the next stage.
  void settle(const StageBatch& batch, const std::vector<bool>& stops);
  // Makes a batch that was not run wait again, and gives the stages and images of device `from` to `to`.
  void move(std::size_t from, std::size_t to, const StageBatch& undone);

  std::size_t owner(std::size_t stage) const { return owner_[stage]; }
  std::size_t waiting(std::size_t stage) const { return queues_[stage].size(); }
  const std::vector<std::size_t>& longest() const { return longest_; }  // [stages], most that waited
  void forget_longest();
  std::size_t unfinished() const { return unfinished_; }
  bool empty() const { return inside_.empty(); }
  bool next_is_done() const { return !inside_.empty() && inside_.front().done; }
  Passage pop();                   // the one that came first, which is done
  std::vector<Passage> pop_all();  // all are done

 private:
  std::size_t ready(std::size_t stage) const;
  bool drained(std::size_t stage) const;
  void push(Passage& passage);
  void leave_device(Passage& passage);

  std::vector<std::size_t> owner_;
  std::vector<SlotRing> rings_;  // [devices]
  std::size_t batch_, window_;
  std::optional<std::chrono::microseconds> max_delay_;
  std::deque<Passage> inside_;                  // in the order of submission; pointers to its elements stay valid
  std::vector<std::deque<Passage*>> queues_;    // [stages]
  std::vector<std::size_t> running_, longest_;  // [stages]
  std::size_t unfinished_ = 0;
  bool more_to_come_ = true;
};

}  // namespace cascadecl
