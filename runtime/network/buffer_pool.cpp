#include "runtime/network/buffer_pool.h"

#include <algorithm>

namespace cascadecl {
namespace {

// Whether a free buffer of `a` floats suits a tensor of `wanted` better than one of `b`.
bool suits_better(std::size_t a, std::size_t b, std::size_t wanted) {
  if (a >= wanted && b >= wanted) return a < b;
  return a > b;
}

}  // namespace

int BufferPool::take(std::size_t floats) {
  int best = -1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].holders > 0) continue;
    if (best < 0 || suits_better(entries_[i].floats, at(best).floats, floats)) best = static_cast<int>(i);
  }
  return take_or_add(best, floats);
}

int BufferPool::take_equal(std::size_t floats) {
  const auto fits = [&](const Entry& entry) { return entry.holders == 0 && entry.floats == floats; };
  const auto found = std::ranges::find_if(entries_, fits);
  return take_or_add(found == entries_.end() ? -1 : static_cast<int>(found - entries_.begin()), floats);
}

int BufferPool::take_or_add(int buffer, std::size_t floats) {
  if (buffer < 0) {
    entries_.emplace_back();
    buffer = static_cast<int>(entries_.size()) - 1;
  }
  hold(buffer, floats);
  return buffer;
}

void BufferPool::hold(int buffer, std::size_t floats) {
  ++at(buffer).holders;
  at(buffer).floats = std::max(at(buffer).floats, floats);
}

void BufferPool::allocate(const Device& device) {
  for (Entry& entry : entries_) entry.memory = device.allocate<float>(entry.floats);
}

std::size_t BufferPool::bytes() const {
  std::size_t floats = 0;
  for (const Entry& entry : entries_) floats += entry.floats;
  return floats * sizeof(float);
}

}  // namespace cascadecl
