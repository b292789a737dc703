#include "data/import/exif_orientation.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace cascadecl {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t orientation_tag = 0x0112, type_short = 3, type_long = 4;
constexpr std::size_t entry_bytes = 12;

// Numbers of a TIFF block, in its order of bytes. Beyond the end all are 0.
struct Numbers {
  Bytes block;
  bool little_endian;

  std::uint32_t at(std::size_t offset, std::size_t size) const noexcept {
    if (offset > block.size() || size > block.size() - offset) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | block[offset + (little_endian ? size - 1 - i : i)];
    return value;
  }
};

bool begins_with(Bytes block, Bytes magic) noexcept {
  return block.size() >= magic.size() && std::equal(magic.begin(), magic.end(), block.begin());
}

}  // namespace

int exif_orientation(Bytes block) noexcept {
  constexpr std::array<std::uint8_t, 6> prefix = {'E', 'x', 'i', 'f', 0, 0};
  constexpr std::array<std::uint8_t, 4> little = {'I', 'I', 42, 0}, big = {'M', 'M', 0, 42};
  if (begins_with(block, prefix)) block = block.subspan(prefix.size());
  if (!begins_with(block, little) && !begins_with(block, big)) return 1;
  const Numbers numbers{block, begins_with(block, little)};
  const std::size_t directory = numbers.at(4, 4);
  const std::size_t entries = numbers.at(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_bytes;
    if (numbers.at(entry, 2) != orientation_tag) continue;
    const std::uint32_t type = numbers.at(entry + 2, 2);
    if (type != type_short && type != type_long) return 1;
    const std::uint32_t value = numbers.at(entry + 8, type == type_short ? 2 : 4);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace cascadecl
