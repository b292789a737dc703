#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace cascadecl {

// A file whose answer is not printed yet.
struct NamedImage {
  std::string name;
  std::string problem;  // why it will have no answer; empty: it will
};

// Such files in their order: so many that who reads names waits for who prints answers. For two threads.
class NameQueue {
 public:
  explicit NameQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits while the queue is full. Returns false, without the name, once stop() was called.
  bool push(NamedImage image);
  void close();  // no more push()
  // Waits for the next one; nothing after the last.
  std::optional<NamedImage> pop();
  void stop();                  // nobody pops any more; also wakes a push() that waits
  std::size_t longest() const;  // most names that were in it

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable room_, more_;
  std::deque<NamedImage> images_;
  std::size_t longest_ = 0;
  bool closed_ = false, stopped_ = false;
};

}  // namespace cascadecl
