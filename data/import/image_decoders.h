#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// A picture as it lies in a file.
struct EncodedImage {
  std::string name;  // for messages
  std::span<const std::uint8_t> bytes;

  bool begins_with(std::string_view magic, std::size_t offset = 0) const;
  // Throws FileError, "NAME: problem".
  [[noreturn]] void fail(std::string_view problem) const;
  // Refuses a picture without pixels or of more than 100 million. Decoders ask before they take memory for pixels.
  void check_size(std::uint64_t width, std::uint64_t height) const;
};

// Its pixels, [height][width][channels], as stored: `orientation` is not followed yet.
struct DecodedImage {
  std::size_t width = 0, height = 0;
  std::size_t channels = 3;  // 3: RGB, 1: gray
  std::vector<std::uint8_t> pixels;
  int orientation = 1;  // as Exif counts: 1 is upright

  void take_memory() { pixels.resize(width * height * channels); }
};

// One decoder for each format, for files that begin as it does. The first picture counts where there are several.
// Alpha is dropped. Values of 16 bits give their upper 8. Colour spaces are not looked at. All throw FileError for a
// file that is damaged or truncated, also where a decoder could make up what is missing.
DecodedImage decode_png(const EncodedImage& file);
DecodedImage decode_jpeg(const EncodedImage& file);
DecodedImage decode_webp(const EncodedImage& file);
DecodedImage decode_gif(const EncodedImage& file);
DecodedImage decode_bmp(const EncodedImage& file);
DecodedImage decode_tiff(const EncodedImage& file);

}  // namespace cascadecl
