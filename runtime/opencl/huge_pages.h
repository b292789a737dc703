#pragma once
#include <cstddef>
#include <memory>
#include <mutex>

namespace cascadecl {

// Host memory for the arrays of devices that compute in it, in huge pages where the system has them. A kernel reads
// many arrays at once: in pages of 4 KiB they are more than a core has translations at hand for, and lie in physical
// memory as it comes, often on the same sets of its cache. May be called from any thread.
class HugePages {
 public:
  // `bytes` > 0 of memory, zero at first or as others have left it, aligned for any vector. It stays until the last
  // handle on it is gone. Throws cl::Error if there is none.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);

 private:
  struct Block;
  static void release(std::byte* memory, std::size_t bytes);
  std::mutex mutex_;
  std::shared_ptr<Block> open_;  // whose rest is handed out next; null at first
};

}  // namespace cascadecl
