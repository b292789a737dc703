#include "cli/report/png_data_uri.h"

#include <fmt/format.h>
#include <png.h>

#include <array>
#include <string_view>
#include <vector>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// [H][W][channels], with the channels in `order`.
std::vector<std::uint8_t> interleaved(std::span<const std::uint8_t> pixels, std::size_t area,
                                      std::span<const std::size_t> order) {
  std::vector<std::uint8_t> rows;
  rows.reserve(area * order.size());
  for (std::size_t i = 0; i < area; ++i) {
    for (const std::size_t channel : order) rows.push_back(pixels[channel * area + i]);
  }
  return rows;
}

std::vector<std::uint8_t> encode(const ImageDims& dims, png_uint_32 format, const std::vector<std::uint8_t>& rows) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(dims.width);
  image.height = static_cast<png_uint_32>(dims.height);
  image.format = format;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::uint8_t> file(size);
  if (!png_image_write_to_memory(&image, file.data(), &size, 0, rows.data(), 0, nullptr)) {
    throw Error(fmt::format("a PNG of {} x {} pixels cannot be made: {}", dims.width, dims.height, image.message));
  }
  file.resize(size);
  return file;
}

}  // namespace

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= count ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string png_data_uri(const ImageDims& dims, const std::string& color_order, std::span<const std::uint8_t> pixels) {
  if (static_cast<std::int64_t>(pixels.size()) != dims.bytes() || pixels.empty()) {
    throw ShapeError(fmt::format("PNG: {} bytes for an image of {} x {} x {}", pixels.size(), dims.channels,
                                 dims.height, dims.width));
  }
  const std::size_t area = pixels.size() / static_cast<std::size_t>(dims.channels);
  constexpr std::array<std::size_t, 3> rgb{0, 1, 2}, bgr{2, 1, 0};
  constexpr std::array<std::size_t, 1> first{0};
  const bool color = dims.channels == 3;
  const auto order =
      !color ? std::span<const std::size_t>(first) : std::span<const std::size_t>(color_order == "BGR" ? bgr : rgb);
  const auto file = encode(dims, color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY, interleaved(pixels, area, order));
  return "data:image/png;base64," + base64(file);
}

}  // namespace cascadecl
