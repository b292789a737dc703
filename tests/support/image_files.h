#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace cascadecl::testing {

// Image files of these pixels, [H][W][C].
void write_png(const std::filesystem::path& path, int width, int height, int channels,
               const std::vector<std::uint8_t>& pixels);
void write_jpeg(const std::filesystem::path& path, int width, int height, const std::vector<std::uint8_t>& pixels);
std::vector<std::uint8_t> random_pixels(std::size_t count);

}  // namespace cascadecl::testing
