#pragma once
#include <cstddef>
#include <memory>
#include <mutex>

namespace cascadecl {

// Host memory for the arrays of devices that compute in it, in huge pages where the system has them. A kernel reads
// many arrays at once. In pages of 4 KiB that is more than a core has address translations at hand for. Such pages also
// lie anywhere in physical memory, often on the same sets of the core's cache. May be called from any thread.
class HugePages {
 public:
  // `bytes` > 0 of memory, aligned for any vector. It is zero at first, or holds what others have left in it. It stays
  // until the last handle on it is gone. Throws cl::Error if there is none.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);

 private:
  struct Block;
  static void release(std::byte* memory, std::size_t bytes);
  std::mutex mutex_;
  std::shared_ptr<Block> open_;  // whose rest is handed out next; null at first
};

}  // namespace cascadecl
