#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>

namespace cascadecl {

// Names of files whose answers are not printed yet, in their order: so many that who reads names waits for who prints
// answers. For two threads.
class NameQueue {
 public:
  explicit NameQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits while the queue is full. Returns false, without the name, once stop() was called.
  bool push(const std::string& name);
  std::string pop();  // there is one
  void stop();        // nobody pops any more; also wakes a push() that waits
  bool empty() const;
  std::size_t longest() const;  // most names that were in it

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::string> names_;
  std::size_t longest_ = 0;
  bool stopped_ = false;
};

}  // namespace cascadecl
