#include "data/import/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

#include "data/files/error.h"
#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

constexpr std::uint64_t largest_pixels = 100'000'000;

using Bytes = std::vector<std::uint8_t>;

Bytes read_bytes(const std::filesystem::path& path) {
  const EncodedImage file{path.string(), {}};
  std::error_code error;
  if (!std::filesystem::exists(path, error)) file.fail("there is no such file");
  if (!std::filesystem::is_regular_file(path, error)) file.fail("is not a file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > largest_image_file) file.fail(error ? "cannot be read" : "is too large for an image");
  Bytes bytes(size);
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    file.fail("cannot be read");
  return bytes;
}

DecodedImage decode(const EncodedImage& file) {
  if (file.begins_with("\x89PNG")) return decode_png(file);
  if (file.begins_with("\xFF\xD8\xFF")) return decode_jpeg(file);
  if (file.begins_with("RIFF") && file.begins_with("WEBP", 8)) return decode_webp(file);
  if (file.begins_with("GIF87a") || file.begins_with("GIF89a")) return decode_gif(file);
  if (file.begins_with("BM")) return decode_bmp(file);
  if (file.begins_with({"II*\0", 4}) || file.begins_with({"MM\0*", 4})) return decode_tiff(file);
  if (file.bytes.empty()) file.fail("is empty");
  file.fail(fmt::format("is none of {}", image_formats));
}

// Where the pixels of an upright image lie in one that is stored with an orientation.
struct Upright {
  std::size_t width, height;
  std::ptrdiff_t first = 0, right = 0, down = 0;  // in pixels

  explicit Upright(const DecodedImage& image) : width(image.width), height(image.height) {
    const int orientation = image.orientation;
    const bool turned = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const auto stored_width = static_cast<std::ptrdiff_t>(width), stored_height = static_cast<std::ptrdiff_t>(height);
    right = from_right ? -1 : 1;
    down = from_below ? -stored_width : stored_width;
    first = (from_right ? stored_width - 1 : 0) + (from_below ? (stored_height - 1) * stored_width : 0);
    if (turned) {
      std::swap(right, down);
      std::swap(width, height);
    }
  }
};

// Brightness of a colour (ITU-R 601), rounded as Pillow does.
std::uint8_t gray(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595U * rgb[0] + 38470U * rgb[1] + 7471U * rgb[2] + 0x8000U) >> 16);
}

Image to_upright_planes(const DecodedImage& stored, int channels) {
  const Upright upright(stored);
  Image image{{channels, static_cast<int>(upright.height), static_cast<int>(upright.width)}, {}};
  image.pixels.resize(static_cast<std::size_t>(image.dims.bytes()));
  const std::size_t plane = stored.width * stored.height;
  std::uint8_t* target = image.pixels.data();
  for (std::size_t y = 0; y < upright.height; ++y) {
    for (std::size_t x = 0; x < upright.width; ++x, ++target) {
      const std::ptrdiff_t at = upright.first + static_cast<std::ptrdiff_t>(y) * upright.down +
                                static_cast<std::ptrdiff_t>(x) * upright.right;
      const std::uint8_t* source = stored.pixels.data() + static_cast<std::size_t>(at) * stored.channels;
      if (channels == 1) {
        *target = stored.channels == 1 ? *source : gray(source);
      } else {
        for (std::size_t c = 0; c < 3; ++c) target[c * plane] = source[stored.channels == 1 ? 0 : c];
      }
    }
  }
  return image;
}

void check_channels(int channels) {
  if (channels != 1 && channels != 3)
    throw UsageError(fmt::format("images of {} channels are wanted; image files have 1 or 3", channels));
}

}  // namespace

bool EncodedImage::begins_with(std::string_view magic, std::size_t offset) const {
  return bytes.size() >= offset + magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

void EncodedImage::fail(std::string_view problem) const { throw FileError(fmt::format("{}: {}", name, problem)); }

void EncodedImage::check_size(std::uint64_t width, std::uint64_t height) const {
  if (width == 0 || height == 0) fail(fmt::format("is {}x{} pixels (width x height)", width, height));
  if (width > largest_pixels / height)
    fail(fmt::format("is {}x{} pixels (width x height), at most {} million are read", width, height,
                     largest_pixels / 1'000'000));
}

bool has_image_name(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 9> endings = {".png", ".jpg", ".jpeg", ".jfif", ".webp",
                                                       ".gif", ".bmp", ".tif",  ".tiff"};
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(endings, ending) != endings.end();
}

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, int channels) {
  check_channels(channels);
  return to_upright_planes(decode({name, bytes}), channels);
}

Image read_image_file(const std::filesystem::path& path, int channels) {
  check_channels(channels);
  return decode_image(read_bytes(path), path.string(), channels);
}

}  // namespace cascadecl
