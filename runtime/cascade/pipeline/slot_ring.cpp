#include "runtime/cascade/pipeline/slot_ring.h"

#include <algorithm>

namespace cascadecl {

std::size_t SlotRing::first_gap() const {
  if (extent_ == capacity()) return 0;
  return head_ >= tail_ ? capacity() - head_ : tail_ - head_;
}

std::size_t SlotRing::room() const {
  const bool may_wrap = extent_ < capacity() && head_ >= tail_;
  return may_wrap ? std::max(first_gap(), tail_) : first_gap();
}

std::optional<std::size_t> SlotRing::take(std::size_t count) {
  if (count > room() || count == 0) return std::nullopt;
  if (count > first_gap()) {  // leave the end out
    extent_ += capacity() - head_;
    head_ = 0;
  }
  const std::size_t slot = head_;
  std::fill_n(taken_.begin() + static_cast<std::ptrdiff_t>(slot), count, true);
  head_ = (head_ + count) % capacity();
  extent_ += count;
  return slot;
}

void SlotRing::release(std::size_t slot) {
  taken_[slot] = false;
  while (extent_ > 0 && !taken_[tail_]) {
    tail_ = (tail_ + 1) % capacity();
    --extent_;
  }
  if (extent_ == 0) head_ = tail_ = 0;
}

}  // namespace cascadecl
