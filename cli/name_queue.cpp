#include "cli/name_queue.h"

#include <algorithm>
#include <utility>

namespace cascadecl {

bool NameQueue::push(NamedImage image) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return stopped_ || images_.size() < capacity_; });
  if (stopped_) return false;
  images_.push_back(std::move(image));
  longest_ = std::max(longest_, images_.size());
  more_.notify_one();
  return true;
}

void NameQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  more_.notify_all();
}

std::optional<NamedImage> NameQueue::pop() {
  std::unique_lock lock(mutex_);
  more_.wait(lock, [&] { return closed_ || !images_.empty(); });
  if (images_.empty()) return std::nullopt;
  NamedImage image = std::move(images_.front());
  images_.pop_front();
  room_.notify_one();
  return image;
}

void NameQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  room_.notify_all();
}

std::size_t NameQueue::longest() const {
  const std::lock_guard lock(mutex_);
  return longest_;
}

}  // namespace cascadecl
