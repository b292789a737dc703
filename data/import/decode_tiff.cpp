#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

// libtiff on bytes in memory.
class TiffMemory {
 public:
  explicit TiffMemory(const EncodedImage& file) : bytes_(file.bytes) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                   TIFFOpenOptionsFree);
    constexpr tmsize_t most_at_once = tmsize_t{1} << 30;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_at_once);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_problem, this);
    TIFFOpenOptionsSetWarningHandlerExtR(
        options.get(), [](TIFF*, void*, const char*, const char*, va_list) { return 1; }, nullptr);
    tiff_.reset(
        TIFFClientOpenExt("image", "rm", this, read, write, seek, close, size, nullptr, nullptr, options.get()));
  }
  TiffMemory(const TiffMemory&) = delete;
  TiffMemory& operator=(const TiffMemory&) = delete;

  TIFF* get() const { return tiff_.get(); }
  const std::string& problem() const { return problem_; }  // the first one

 private:
  struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  };

  static int keep_problem(TIFF*, void* self, const char*, const char* format, va_list arguments) {
    char line[200];
    std::vsnprintf(line, sizeof line, format, arguments);
    std::string& problem = static_cast<TiffMemory*>(self)->problem_;
    if (problem.empty()) problem = line;
    return 1;
  }
  static tmsize_t read(thandle_t handle, void* out, tmsize_t count) {
    auto& self = *static_cast<TiffMemory*>(handle);
    const std::size_t start = std::min<std::size_t>(self.at_, self.bytes_.size());
    const std::size_t got = std::min(static_cast<std::size_t>(count), self.bytes_.size() - start);
    std::copy_n(self.bytes_.begin() + static_cast<std::ptrdiff_t>(start), got, static_cast<std::uint8_t*>(out));
    self.at_ = start + got;
    return static_cast<tmsize_t>(got);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return -1; }
  static toff_t seek(thandle_t handle, toff_t offset, int from) {
    auto& self = *static_cast<TiffMemory*>(handle);
    self.at_ = offset + (from == SEEK_CUR ? self.at_ : from == SEEK_END ? self.bytes_.size() : 0);
    return self.at_;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return static_cast<TiffMemory*>(handle)->bytes_.size(); }

  std::span<const std::uint8_t> bytes_;
  std::uint64_t at_ = 0;
  std::string problem_;
  std::unique_ptr<TIFF, Close> tiff_;
};

class TiffReader {
 public:
  explicit TiffReader(const EncodedImage& file) : file_(file), memory_(file), tiff_(memory_.get()) {
    if (!tiff_) give_up();
    std::uint32_t width = 0, height = 0;
    TIFFGetField(tiff_, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff_, TIFFTAG_IMAGELENGTH, &height);
    file.check_size(width, height);
    image_.width = width;
    image_.height = height;
    bits_ = number(TIFFTAG_BITSPERSAMPLE);
    samples_ = number(TIFFTAG_SAMPLESPERPIXEL);
    kind_ = number(TIFFTAG_PHOTOMETRIC);
    if (kind_ == PHOTOMETRIC_YCBCR && number(TIFFTAG_COMPRESSION) == COMPRESSION_JPEG) {
      TIFFSetField(tiff_, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      kind_ = PHOTOMETRIC_RGB;
    }
    check_form();
    image_.orientation = std::clamp<int>(number(TIFFTAG_ORIENTATION), 1, 8);
    image_.channels = kind_ == PHOTOMETRIC_MINISWHITE || kind_ == PHOTOMETRIC_MINISBLACK ? 1 : 3;
  }

  DecodedImage pixels() {
    image_.take_memory();
    row_.resize(static_cast<std::size_t>(TIFFScanlineSize64(tiff_)));
    if (row_.size() < (image_.width * samples_ * bits_ + 7) / 8) file_.fail("damaged TIFF: its rows are too short");
    for (std::size_t y = 0; y < image_.height; ++y) {
      if (TIFFReadScanline(tiff_, row_.data(), static_cast<std::uint32_t>(y), 0) != 1) give_up();
      std::uint8_t* pixel = image_.pixels.data() + y * image_.width * image_.channels;
      for (std::size_t x = 0; x < image_.width; ++x, pixel += image_.channels) set_pixel(x, pixel);
    }
    return std::move(image_);
  }

 private:
  std::uint16_t number(std::uint32_t tag) const {
    std::uint16_t value = 0;
    TIFFGetFieldDefaulted(tiff_, tag, &value);
    return value;
  }

  // What is read: rows of whole numbers, in gray, RGB or of a palette, with or without alpha.
  void check_form() {
    const bool gray = kind_ == PHOTOMETRIC_MINISWHITE || kind_ == PHOTOMETRIC_MINISBLACK;
    const bool palette = kind_ == PHOTOMETRIC_PALETTE, rgb = kind_ == PHOTOMETRIC_RGB;
    const bool small = bits_ == 1 || bits_ == 2 || bits_ == 4;
    const bool good_bits = bits_ == 8 || (bits_ == 16 && !palette) || (small && !rgb && samples_ == 1);
    if (!(gray || palette || rgb) || !good_bits || samples_ < (rgb ? 3 : 1) || TIFFIsTiled(tiff_) ||
        number(TIFFTAG_PLANARCONFIG) != PLANARCONFIG_CONTIG || number(TIFFTAG_SAMPLEFORMAT) != SAMPLEFORMAT_UINT)
      file_.fail(
          "TIFF files are read in gray, RGB or a palette, by rows, of up to 16 bits; this one is of another form");
    if (palette && !TIFFGetField(tiff_, TIFFTAG_COLORMAP, &palette_[0], &palette_[1], &palette_[2]))
      file_.fail("damaged TIFF: it has no palette");
    std::uint16_t extra_count = 0, *extra = nullptr;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    premultiplied_ = rgb && samples_ == 4 && extra_count == 1 && extra[0] == EXTRASAMPLE_ASSOCALPHA;
  }

  // A sample of the row; of those of 16 bits the upper 8.
  std::uint32_t sample(std::size_t i) const {
    if (bits_ == 8) return row_[i];
    if (bits_ == 16) {
      std::uint16_t value = 0;
      std::memcpy(&value, &row_[i * 2], 2);
      return value >> 8;
    }
    const std::size_t per_byte = 8U / bits_, shift = (per_byte - 1 - i % per_byte) * bits_;
    return static_cast<std::uint32_t>(row_[i / per_byte] >> shift) & ((1U << bits_) - 1);
  }

  void set_pixel(std::size_t x, std::uint8_t* pixel) const {
    const std::size_t first = x * samples_;
    if (kind_ == PHOTOMETRIC_RGB) {
      const std::uint32_t alpha = premultiplied_ ? sample(first + 3) : 255;
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint32_t value = sample(first + c);
        pixel[c] = static_cast<std::uint8_t>(alpha == 0 ? value : std::min(255U, value * 255 / alpha));
      }
    } else if (kind_ == PHOTOMETRIC_PALETTE) {
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>(palette_[c][sample(first)] >> 8);
    } else {
      const std::uint32_t largest = bits_ >= 8 ? 255 : (1U << bits_) - 1, value = sample(first) * 255 / largest;
      *pixel = static_cast<std::uint8_t>(kind_ == PHOTOMETRIC_MINISWHITE ? 255 - value : value);
    }
  }

  [[noreturn]] void give_up() const {
    file_.fail(fmt::format("damaged TIFF: {}", memory_.problem().empty() ? "it is truncated" : memory_.problem()));
  }

  const EncodedImage& file_;
  TiffMemory memory_;
  TIFF* tiff_;
  DecodedImage image_;
  std::uint16_t bits_ = 0, samples_ = 0, kind_ = 0;
  std::uint16_t* palette_[3] = {};
  bool premultiplied_ = false;
  std::vector<std::uint8_t> row_;
};

}  // namespace

DecodedImage decode_tiff(const EncodedImage& file) { return TiffReader(file).pixels(); }

}  // namespace cascadecl
