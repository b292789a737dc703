#include "tests/support/short_memory.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> too_much{SIZE_MAX};

void* allocate(std::size_t bytes) {
  if (bytes >= too_much) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace cascadecl::testing {

ShortMemory::ShortMemory(std::size_t bytes) { too_much = bytes; }
ShortMemory::~ShortMemory() { too_much = SIZE_MAX; }

}  // namespace cascadecl::testing
