#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "runtime/network/network.h"

namespace cascadecl {

// The pixels of a PNG or JPEG file as [C][H][W] of the expected shape: RGB for three channels, gray for one (files are
// converted; transparent pixels stand on black). Throws FileError if the file is missing, damaged, of another kind or
// of another size; UsageError if the expected channels are neither 1 nor 3.
std::vector<std::uint8_t> read_image_file(const std::filesystem::path& path, ImageShape expected);

}  // namespace cascadecl
