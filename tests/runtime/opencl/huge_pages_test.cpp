#include "runtime/opencl/huge_pages.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cascadecl::testing {
namespace {

// An array, and the value that all its bytes were given.
struct Filled {
  std::shared_ptr<std::byte> memory;
  std::size_t bytes;
  std::byte value;

  bool holds() const {
    return std::all_of(memory.get(), memory.get() + bytes, [this](std::byte b) { return b == value; });
  }
};

TEST_CASE("arrays in huge pages are aligned, apart, and keep their values whatever else comes and goes") {
  CHECK(rc::check([](const std::vector<std::uint32_t>& sizes) {
    HugePages pages;
    std::vector<Filled> arrays;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      // Every eighth is as large as a page and more.
      const std::size_t bytes = 1 + sizes[i] % (i % 8 == 7 ? 5'000'000 : 50'000);
      arrays.push_back({pages.allocate(bytes), bytes, static_cast<std::byte>(i)});
      RC_ASSERT(reinterpret_cast<std::uintptr_t>(arrays.back().memory.get()) % 128 == 0);
      std::fill_n(arrays.back().memory.get(), bytes, static_cast<std::byte>(i));
      if (sizes[i] % 3 == 0) arrays.erase(arrays.begin());
    }
    for (const Filled& array : arrays) RC_ASSERT(array.holds());
  }));
}

TEST_CASE("an array outlives what handed it out") {
  Filled array{HugePages().allocate(1000), 1000, std::byte{7}};
  std::fill_n(array.memory.get(), array.bytes, array.value);
  CHECK(array.holds());
}

// Of the pages of 4 KiB in [memory, memory + bytes), from the first that begins in it.
std::size_t resident_pages(std::byte* memory, std::size_t bytes) {
  constexpr std::size_t page = 4096;
  const std::size_t skipped = (page - reinterpret_cast<std::uintptr_t>(memory) % page) % page;
  std::vector<unsigned char> resident((bytes - skipped) / page);
  REQUIRE(::mincore(memory + skipped, resident.size() * page, resident.data()) == 0);
  return static_cast<std::size_t>(std::count_if(resident.begin(), resident.end(), [](auto r) { return r & 1; }));
}

TEST_CASE("the memory of a large array is given back, also where a small one keeps its block") {
  HugePages pages;
  constexpr std::size_t bytes = 5'000'000, whole_pages = std::size_t{4} << 20;
  auto large = pages.allocate(bytes);
  std::byte* const start = large.get();
  std::fill_n(start, bytes, std::byte{1});
  const Filled small{pages.allocate(100), 100, std::byte{2}};
  std::fill_n(small.memory.get(), small.bytes, small.value);
  CHECK(resident_pages(start, whole_pages) == whole_pages / 4096);
  large.reset();
  CHECK(resident_pages(start, whole_pages) == 0);
  CHECK(small.holds());
}

TEST_CASE("small arrays share a page") {
  HugePages pages;
  const auto first = pages.allocate(1000), second = pages.allocate(1000);
  CHECK(second.get() - first.get() == 1024);
}

}  // namespace
}  // namespace cascadecl::testing
