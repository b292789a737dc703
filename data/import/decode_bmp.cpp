#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdlib>

#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

constexpr std::size_t file_header = 14;

// Windows and OS/2 bitmaps without compression: 1, 4 and 8 bits with a table of colours, 16, 24 and 32 bits.
class BmpReader {
 public:
  explicit BmpReader(const EncodedImage& file) : file_(file) {
    const std::size_t header = number(file_header, 4);
    const bool old = header == 12;  // of OS/2 1
    if (!old && header < 40) file_.fail("damaged BMP: unknown header");
    width_ = static_cast<std::int32_t>(old ? number(18, 2) : number(18, 4));
    height_ = static_cast<std::int32_t>(old ? number(20, 2) : number(22, 4));
    bits_ = number(old ? 24 : 28, 2);
    const std::size_t compression = old ? 0 : number(30, 4);
    if (width_ < 1 || height_ == 0) file_.fail("damaged BMP: it has no pixels");
    file_.check_size(static_cast<std::uint64_t>(width_), static_cast<std::uint64_t>(std::abs(height_)));
    if (bits_ == 1 || bits_ == 4 || bits_ == 8) {
      if (compression != 0) file_.fail("compressed BMP files are not read");
      read_palette(file_header + header, old ? 3 : 4, old ? 0 : number(46, 4));
    } else if (bits_ == 16 || bits_ == 32) {
      if (compression != 0 && compression != 3) file_.fail("compressed BMP files are not read");
      set_masks(compression == 3);
    } else if (bits_ != 24 || compression != 0) {
      file_.fail(fmt::format("BMP files of {} bits a pixel are not read", bits_));
    }
  }

  DecodedImage pixels() {
    DecodedImage image{.width = static_cast<std::size_t>(width_),
                       .height = static_cast<std::size_t>(std::abs(height_)),
                       .channels = 3,
                       .pixels = {}};
    const std::size_t row_bytes = (image.width * bits_ + 31) / 32 * 4, start = number(10, 4);
    if (start > file_.bytes.size() || file_.bytes.size() - start < row_bytes * image.height)
      file_.fail("damaged BMP: it is truncated");
    image.take_memory();
    for (std::size_t y = 0; y < image.height; ++y) {
      const std::size_t row = height_ < 0 ? y : image.height - 1 - y;
      const std::uint8_t* source = file_.bytes.data() + start + row * row_bytes;
      for (std::size_t x = 0; x < image.width; ++x) set_pixel(source, x, &image.pixels[(y * image.width + x) * 3]);
    }
    return image;
  }

 private:
  struct Mask {
    std::uint32_t bits = 0;
    std::uint8_t operator()(std::uint32_t pixel) const {  // its part of the pixel, 0 to 255
      if (bits == 0) return 0;
      const int shift = std::countr_zero(bits);
      return static_cast<std::uint8_t>(std::uint64_t{(pixel & bits) >> shift} * 255 / (bits >> shift));
    }
  };

  std::uint32_t number(std::size_t offset, std::size_t size) const {
    if (offset + size > file_.bytes.size()) file_.fail("damaged BMP: it is truncated");
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | file_.bytes[offset + i];
    return value;
  }

  void read_palette(std::size_t offset, std::size_t bytes, std::size_t used) {
    const std::size_t most = std::size_t{1} << bits_;
    const std::size_t colours = used == 0 || used > most ? most : used;
    for (std::size_t i = 0; i < colours; ++i)
      for (std::size_t c = 0; c < 3; ++c)
        palette_[i][c] = static_cast<std::uint8_t>(number(offset + i * bytes + 2 - c, 1));
  }

  void set_masks(bool named) {
    if (named)
      for (std::size_t c = 0; c < 3; ++c) masks_[c].bits = number(file_header + 40 + c * 4, 4);
    else if (bits_ == 16)
      masks_ = {{{0x7C00}, {0x03E0}, {0x001F}}};
    else
      masks_ = {{{0xFF0000}, {0x00FF00}, {0x0000FF}}};
  }

  void set_pixel(const std::uint8_t* row, std::size_t x, std::uint8_t* rgb) const {
    if (bits_ <= 8) {
      const std::size_t per_byte = 8 / bits_, shift = (per_byte - 1 - x % per_byte) * bits_;
      const auto& colour = palette_[static_cast<std::size_t>(row[x / per_byte] >> shift) & ((1U << bits_) - 1)];
      for (std::size_t c = 0; c < 3; ++c) rgb[c] = colour[c];
    } else if (bits_ == 24) {
      for (std::size_t c = 0; c < 3; ++c) rgb[c] = row[x * 3 + 2 - c];
    } else {
      std::uint32_t pixel = 0;
      for (std::size_t i = bits_ / 8; i-- > 0;) pixel = pixel << 8 | row[x * (bits_ / 8) + i];
      for (std::size_t c = 0; c < 3; ++c) rgb[c] = masks_[c](pixel);
    }
  }

  const EncodedImage& file_;
  std::int64_t width_ = 0, height_ = 0;  // a negative height: rows from the top
  std::size_t bits_ = 0;                 // of a pixel
  std::array<std::array<std::uint8_t, 3>, 256> palette_{};
  std::array<Mask, 3> masks_{};
};

}  // namespace

DecodedImage decode_bmp(const EncodedImage& file) { return BmpReader(file).pixels(); }

}  // namespace cascadecl
