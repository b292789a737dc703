#include "runtime/opencl/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "runtime/opencl/opencl.h"

namespace cascadecl {
namespace {

constexpr std::size_t kPage = std::size_t{2} << 20, kAlignment = 128;

std::size_t rounded_up(std::size_t bytes, std::size_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

}  // namespace

// Whole huge pages in a row.
struct HugePages::Block {
  explicit Block(std::size_t bytes) : mapped(bytes + kPage) {
    void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw cl::Error(CL_MEM_OBJECT_ALLOCATION_FAILURE, "mmap");
    mapping = static_cast<std::byte*>(memory);
    const auto address = reinterpret_cast<std::uintptr_t>(mapping);
    free = mapping + (rounded_up(address, kPage) - address);
    end = free + bytes;
    ::madvise(free, bytes, MADV_HUGEPAGE);  // a wish: without it the pages are small
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { ::munmap(mapping, mapped); }

  std::size_t left() const { return static_cast<std::size_t>(end - free); }

  std::byte* mapping;
  std::size_t mapped;
  std::byte *free, *end;  // what is not handed out yet
};

// The system may have back the pages that nothing else lies in; the rest of the block stays as it is.
void HugePages::release(std::byte* memory, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = rounded_up(address, kPage), end = (address + bytes) / kPage * kPage;
  if (first < end) ::madvise(memory + (first - address), end - first, MADV_DONTNEED);
}

std::shared_ptr<std::byte> HugePages::allocate(std::size_t bytes) {
  const std::size_t taken = rounded_up(bytes, kAlignment);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Block> block = open_;
  if (!block || block->left() < taken) {
    block = std::make_shared<Block>(rounded_up(taken, kPage));
    if (!open_ || block->left() - taken > open_->left()) open_ = block;
  }
  std::byte* const memory = block->free;
  block->free += taken;
  return {memory, [block, bytes](std::byte* start) { release(start, bytes); }};
}

}  // namespace cascadecl
