#include "runtime/cascade/pipeline/passage_queues.h"

#include <algorithm>
#include <iterator>

namespace cascadecl {

void StageBatch::gather() {
  std::size_t bytes = 0;
  for (const auto& image : uploads) bytes += image.size();
  pixels.reserve(bytes);
  for (const auto& image : uploads) pixels.insert(pixels.end(), image.begin(), image.end());
}

void StageBatch::pool(std::size_t classes, const CombinationWeights& weights) {
  earlier.resize(passages.size() * classes);
  for (std::size_t i = 0; i < passages.size(); ++i)
    pool_earlier(passages[i]->rows(stage, classes), weights, std::span(earlier).subspan(i * classes, classes));
}

PassageQueues::PassageQueues(const Settings& settings)
    : owner_(settings.owner),
      rings_(settings.devices, SlotRing(settings.slots)),
      batch_(settings.batch),
      window_(settings.window),
      max_delay_(settings.max_delay),
      queues_(owner_.size()),
      running_(owner_.size()),
      longest_(owner_.size()) {}

void PassageQueues::submit(std::vector<Passage> passages) {
  const Clock::time_point now = Clock::now();
  for (Passage& passage : passages) {
    Passage& entered = inside_.emplace_back(std::move(passage));
    if (entered.submitted == Clock::time_point{}) entered.submitted = now;
    push(entered);
  }
  unfinished_ += passages.size();
}

// How many images could be run at once: those without a copy on the device need room, and a full batch of them or none.
std::size_t PassageQueues::ready(std::size_t stage) const {
  const std::deque<Passage*>& queue = queues_[stage];
  const std::size_t n = std::min(queue.size(), window_), room = rings_[owner_[stage]].room();
  std::size_t uploads = 0, i = 0;
  for (; i < n; ++i) {
    if (queue[i]->device != owner_[stage] && ++uploads > room) break;
  }
  return i < std::min(n, batch_) ? 0 : i;
}

bool PassageQueues::drained(std::size_t stage) const {
  if (more_to_come_) return false;
  for (std::size_t t = 0; t < stage; ++t)
    if (!queues_[t].empty() || running_[t] > 0) return false;
  return true;
}

std::optional<std::size_t> PassageQueues::choose(std::size_t device) const {
  std::vector<WaitingStage> mine;
  std::vector<std::size_t> stages;
  bool no_room = false;
  const Clock::time_point now = Clock::now();
  for (std::size_t stage = 0; stage < owner_.size(); ++stage) {
    if (owner_[stage] != device) continue;
    const std::deque<Passage*>& queue = queues_[stage];
    const bool due = max_delay_ && !queue.empty() && now >= queue.front()->waiting_since + *max_delay_;
    mine.push_back({.ready = ready(stage), .first = stage == 0, .due = due, .drained = drained(stage)});
    stages.push_back(stage);
    no_room |= mine.back().ready == 0 && !queue.empty();
  }
  std::optional<std::size_t> chosen = next_stage(mine, batch_, window_);
  if (!chosen && no_room) {  // only images that leave make some
    for (WaitingStage& stage : mine) stage.drained = true;
    chosen = next_stage(mine, batch_, window_);
  }
  return chosen ? std::optional(stages[*chosen]) : std::nullopt;
}

std::optional<PassageQueues::Clock::time_point> PassageQueues::next_due(std::size_t device) const {
  std::optional<Clock::time_point> due;
  for (std::size_t stage = 0; max_delay_ && stage < owner_.size(); ++stage) {
    if (owner_[stage] != device || queues_[stage].empty()) continue;
    const Clock::time_point at = queues_[stage].front()->waiting_since + *max_delay_;
    due = due ? std::min(*due, at) : at;
  }
  return due;
}

StageBatch PassageQueues::take(std::size_t stage) {
  const std::size_t device = owner_[stage];
  std::deque<Passage*>& queue = queues_[stage];
  StageBatch batch{.stage = stage};
  const auto end = queue.begin() + static_cast<std::ptrdiff_t>(ready(stage));
  batch.passages.assign(queue.begin(), end);
  queue.erase(queue.begin(), end);
  for (const Passage* passage : batch.passages)
    if (passage->device != device) batch.uploads.push_back(passage->pixels);
  if (!batch.uploads.empty()) batch.first_slot = rings_[device].take(batch.uploads.size()).value();
  std::size_t slot = batch.first_slot;
  for (Passage* passage : batch.passages) {
    if (passage->device != device) {
      leave_device(*passage);
      passage->device = device;
      passage->slot = slot++;
    }
    batch.slots.push_back(static_cast<int>(passage->slot));
  }
  running_[stage] += batch.passages.size();
  return batch;
}

void PassageQueues::settle(const StageBatch& batch, const std::vector<bool>& stops) {
  const Clock::time_point now = Clock::now();
  running_[batch.stage] -= batch.passages.size();
  for (std::size_t i = 0; i < batch.passages.size(); ++i) {
    Passage& passage = *batch.passages[i];
    if (stops[i]) {
      leave_device(passage);
      passage.finished = now;
      passage.done = true;
      --unfinished_;
      continue;
    }
    ++passage.stage;
    if (owner_[passage.stage] != passage.device) leave_device(passage);
    push(passage);
  }
}

void PassageQueues::move(std::size_t from, std::size_t to, const StageBatch& undone) {
  running_[undone.stage] -= undone.passages.size();
  std::deque<Passage*>& queue = queues_[undone.stage];
  queue.insert(queue.begin(), undone.passages.begin(), undone.passages.end());
  for (std::size_t& owner : owner_)
    if (owner == from) owner = to;
  for (const std::deque<Passage*>& waiting : queues_)
    for (Passage* passage : waiting)
      if (passage->device == from) leave_device(*passage);
}

void PassageQueues::push(Passage& passage) {
  std::deque<Passage*>& queue = queues_[passage.stage];
  // Images that wait together all have a copy on the device or none has, or those at the end could keep the room that
  // those at the front need (after a stage has moved).
  if (!queue.empty() && queue.back()->device != passage.device) leave_device(passage);
  passage.waiting_since = Clock::now();
  queue.push_back(&passage);
  longest_[passage.stage] = std::max(longest_[passage.stage], queue.size());
}

void PassageQueues::leave_device(Passage& passage) {
  if (passage.device) rings_[*passage.device].release(passage.slot);
  passage.device.reset();
}

void PassageQueues::forget_longest() { longest_.assign(longest_.size(), 0); }

Passage PassageQueues::pop() {
  Passage passage = std::move(inside_.front());
  inside_.pop_front();
  return passage;
}

std::vector<Passage> PassageQueues::pop_all() {
  std::vector<Passage> passages(std::make_move_iterator(inside_.begin()), std::make_move_iterator(inside_.end()));
  inside_.clear();
  return passages;
}

}  // namespace cascadecl
