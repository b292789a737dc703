#pragma once
#include <cstdint>
#include <span>

namespace cascadecl {

// How a photo has to be turned to stand upright, 1 to 8 as Exif counts, from the Exif block of its file (with or
// without "Exif\0\0" before it). 1, upright, where the block does not say or is damaged.
int exif_orientation(std::span<const std::uint8_t> block) noexcept;

}  // namespace cascadecl
