#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/import/image_file.h"

namespace cascadecl {

// What a network gets to see of a picture, whether it comes in a dataset that was imported or alone: read or decoded by
// image_file.h, and resized to `dims` by resize_image(). Both throw as those do.
Image read_network_image(const std::filesystem::path& path, ImageDims dims);
Image decode_network_image(std::span<const std::uint8_t> bytes, const std::string& name, ImageDims dims);

// One of many: its pixels [C][H][W], or why there are none.
struct NetworkImage {
  std::vector<std::uint8_t> pixels;
  std::string problem;  // empty: none
};

// Reads files on several threads; 0: one for each core. The order stays. Throws what is not a file's fault (out of
// memory).
std::vector<NetworkImage> read_network_images(std::span<const std::filesystem::path> files, ImageDims dims,
                                              int threads = 0);

}  // namespace cascadecl
