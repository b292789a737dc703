#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <string>

#include "data/import/exif_orientation.h"
#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t signature_bytes = 8, chunk_overhead = 12;  // length, type and checksum

// What the rows of chunks say before anything is decoded.
struct Chunks {
  Bytes exif;
  std::size_t whole = signature_bytes;  // bytes up to the end of the last whole chunk
  bool has_end = false;                 // an IEND chunk is there
  bool cut_in_pixels = false;           // the file ends within a chunk of pixels
};

Chunks find_chunks(const EncodedImage& file) {
  Chunks chunks;
  while (!chunks.has_end && file.bytes.size() >= chunks.whole + 8) {
    const Bytes chunk = file.bytes.subspan(chunks.whole);
    const std::size_t length =
        std::size_t{chunk[0]} << 24 | std::size_t{chunk[1]} << 16 | std::size_t{chunk[2]} << 8 | chunk[3];
    const std::string_view type(reinterpret_cast<const char*>(chunk.data()) + 4, 4);
    if (chunk.size() < length + chunk_overhead) {
      chunks.cut_in_pixels = type == "IDAT";
      break;
    }
    if (type == "eXIf" && chunks.exif.empty()) chunks.exif = chunk.subspan(8, length);
    chunks.has_end = type == "IEND";
    chunks.whole += length + chunk_overhead;
  }
  return chunks;
}

// libpng on bytes in memory. Its errors jump over frames of C++, so each function here holds plain data alone.
class PngReader {
 public:
  explicit PngReader(Bytes bytes) : bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, [](png_structp, png_const_charp) {});
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) throw std::bad_alloc();
    png_set_read_fn(png_, this, read);
    // Chunks that do not change pixels are passed over unread: gamma and profiles too, which nobody else follows.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  // Both return false for a damaged file, for the reason in problem().
  bool read_header() {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_read_info(png_, info_);
    png_set_strip_16(png_);
    png_set_palette_to_rgb(png_);
    if (!has_colour()) png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_alpha(png_);
    return true;
  }
  bool read_pixels(std::uint8_t* pixels, std::size_t row_bytes) {
    if (setjmp(png_jmpbuf(png_))) return false;
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "its rows have another length");
    for (int pass = 0; pass < passes; ++pass)
      for (std::size_t y = 0; y < height(); ++y) png_read_row(png_, pixels + y * row_bytes, nullptr);
    png_read_end(png_, nullptr);
    return true;
  }
  std::size_t width() const { return png_get_image_width(png_, info_); }
  std::size_t height() const { return png_get_image_height(png_, info_); }
  bool has_colour() const { return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) != 0; }
  const std::string& problem() const { return problem_; }

 private:
  [[noreturn]] static void fail(png_structp png, png_const_charp problem) {
    static_cast<PngReader*>(png_get_error_ptr(png))->problem_ = problem;
    png_longjmp(png, 1);
  }
  static void read(png_structp png, png_bytep out, std::size_t count) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader->bytes_.size()) png_error(png, "it is truncated");
    std::copy_n(reader->bytes_.begin(), count, out);
    reader->bytes_ = reader->bytes_.subspan(count);
  }

  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  Bytes bytes_;  // not read yet
  std::string problem_;
};

}  // namespace

DecodedImage decode_png(const EncodedImage& file) {
  const Chunks chunks = find_chunks(file);
  std::vector<std::uint8_t> ended;
  Bytes bytes = file.bytes;
  if (!chunks.has_end && !chunks.cut_in_pixels) {  // pixels may be whole all the same
    constexpr std::uint8_t end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    ended.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(chunks.whole, bytes.size())));
    ended.insert(ended.end(), std::begin(end), std::end(end));
    bytes = ended;
  }
  PngReader reader(bytes);
  const auto give_up = [&] { file.fail(fmt::format("damaged PNG: {}", reader.problem())); };
  if (!reader.read_header()) give_up();
  file.check_size(reader.width(), reader.height());
  DecodedImage image{.width = reader.width(),
                     .height = reader.height(),
                     .channels = reader.has_colour() ? std::size_t{3} : std::size_t{1},
                     .pixels = {},
                     .orientation = exif_orientation(chunks.exif)};
  image.take_memory();
  if (!reader.read_pixels(image.pixels.data(), image.width * image.channels)) give_up();
  return image;
}

}  // namespace cascadecl
