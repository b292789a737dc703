#include "cli/name_queue.h"

#include <algorithm>
#include <utility>

namespace cascadecl {

bool NameQueue::push(const std::string& name) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return stopped_ || names_.size() < capacity_; });
  if (stopped_) return false;
  names_.push_back(name);
  longest_ = std::max(longest_, names_.size());
  return true;
}

std::string NameQueue::pop() {
  const std::lock_guard lock(mutex_);
  std::string name = std::move(names_.front());
  names_.pop_front();
  room_.notify_one();
  return name;
}

void NameQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  room_.notify_all();
}

bool NameQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return names_.empty();
}

std::size_t NameQueue::longest() const {
  const std::lock_guard lock(mutex_);
  return longest_;
}

}  // namespace cascadecl
