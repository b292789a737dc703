#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace cascadecl {

// One batch file of the published downsampled ImageNet, pickled or .npz (see data/import/imagenet32.h).
constexpr std::int64_t imagenet_image_bytes = 3 * 32 * 32;

// The labels of its images, 0 to 999, in order; at least one. Shape and type of the images have been checked.
// Throws FileError naming the file and what was expected.
std::vector<std::int32_t> read_imagenet_labels(const std::filesystem::path& file);

// Passes its images [n][3][32][32] on, some thousand at a time and in order, until all `images` have come. Throws
// FileError if the file is damaged or holds another number of them.
using ImageSink = std::function<void(std::span<const std::uint8_t> images)>;
void read_imagenet_images(const std::filesystem::path& file, std::int64_t images, const ImageSink& sink);

}  // namespace cascadecl
