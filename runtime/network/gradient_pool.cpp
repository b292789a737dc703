#include "runtime/network/gradient_pool.h"

namespace cascadecl {

int GradientPool::take(std::size_t floats) {
  int best = -1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].holders || entries_[i].memory.size() < floats) continue;
    if (best < 0 || entries_[i].memory.size() < at(best).memory.size()) best = static_cast<int>(i);
  }
  if (best < 0) {
    entries_.push_back({device_.allocate<float>(floats), 0});
    best = static_cast<int>(entries_.size()) - 1;
  }
  at(best).holders = 1;
  return best;
}

std::size_t GradientPool::bytes() const {
  std::size_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.memory.size() * sizeof(float);
  return bytes;
}

}  // namespace cascadecl
