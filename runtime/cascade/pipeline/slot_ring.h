#pragma once
#include <cstddef>
#include <optional>
#include <vector>

namespace cascadecl {

// Tracks which of a fixed number of places in a row are taken. Places are given out side by side and given back in any
// order. The oldest free ones are used again first, so that images that are added together always lie together.
class SlotRing {
 public:
  explicit SlotRing(std::size_t capacity) : taken_(capacity) {}

  std::size_t capacity() const { return taken_.size(); }
  std::size_t room() const;  // the most places that take() can give at once
  // The first of `count` places side by side; nothing if there is no room for them.
  std::optional<std::size_t> take(std::size_t count);
  void release(std::size_t slot);  // a place that is taken

 private:
  std::size_t first_gap() const;  // places from head_ to the end or to tail_

  std::vector<bool> taken_;
  std::size_t head_ = 0, tail_ = 0;  // the next place, and the oldest that is taken
  std::size_t extent_ = 0;           // places from tail_ to head_, those left out at the end included
};

}  // namespace cascadecl
