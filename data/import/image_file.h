#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace cascadecl {

// One image in memory, [C][H][W].
struct Image {
  ImageDims dims;
  std::vector<std::uint8_t> pixels;
};

// The formats that are read, for texts.
inline constexpr std::string_view image_formats = "PNG, JPEG, WebP, GIF, BMP and TIFF";

inline constexpr std::size_t largest_image_file = std::size_t{1} << 30;  // bytes

// Whether a file is called like one of a format that is read, in small or capital letters.
bool has_image_name(const std::filesystem::path& file);

// The pixels of a picture in any of these formats, told by its content: RGB for three channels, gray for one. They are
// those of Pillow's exif_transpose(Image.open(...)).convert("RGB"), or "L": a photo stands upright as its Exif block
// says, alpha is dropped, 16 bits give their upper 8, gamma and profiles are not followed, and of several pictures the
// first counts. Throws FileError if the file is missing, damaged, truncated, of another kind or larger than 100 million
// pixels, before memory is taken for these; UsageError if channels is neither 1 nor 3.
Image read_image_file(const std::filesystem::path& path, int channels);
// The same of the bytes of such a file; `name` is for messages.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, int channels);

}  // namespace cascadecl
