#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/dataset.h"

namespace cascadecl {

// One image in memory, [C][H][W].
struct Image {
  ImageDims dims;
  std::vector<std::uint8_t> pixels;
};

// The pixels of a PNG or JPEG file: RGB for three channels, gray for one. Files are converted; transparent pixels stand
// on black. A rotation noted in a photo's metadata is not followed. Throws FileError if the file is missing, damaged,
// of another kind or larger than 100 million pixels; UsageError if channels is neither 1 nor 3.
Image read_image_file(const std::filesystem::path& path, int channels);

// The same for a file that must have the rows and columns of `expected`; throws FileError with both sizes otherwise.
Image read_image_file(const std::filesystem::path& path, ImageDims expected);

}  // namespace cascadecl
