#pragma once
#include <cstddef>

namespace cascadecl::testing {

// As long as one lives, no thread gets `bytes` or more of memory at once: operator new throws std::bad_alloc. One at a
// time.
class ShortMemory {
 public:
  explicit ShortMemory(std::size_t bytes);
  ~ShortMemory();
  ShortMemory(const ShortMemory&) = delete;
  ShortMemory& operator=(const ShortMemory&) = delete;
};

}  // namespace cascadecl::testing
