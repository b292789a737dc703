#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "data/import/image_decoders.h"

namespace cascadecl {
namespace {

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

using Bytes = std::span<const std::uint8_t>;

int read_bytes(GifFileType* gif, GifByteType* out, int count) {
  auto& left = *static_cast<Bytes*>(gif->UserData);
  const std::size_t got = std::min(left.size(), static_cast<std::size_t>(count));
  std::copy_n(left.begin(), got, out);
  left = left.subspan(got);
  return static_cast<int>(got);
}

class GifReader {
 public:
  explicit GifReader(const EncodedImage& file) : file_(file), left_(file.bytes) {
    int error = 0;
    gif_.reset(DGifOpen(&left_, read_bytes, &error));
    if (!gif_) give_up(error);
  }

  DecodedImage first_picture() {
    find_picture();
    require(DGifGetImageDesc(gif_.get()));
    const GifImageDesc& place = gif_->Image;
    const std::size_t width = static_cast<std::size_t>(std::max(gif_->SWidth, place.Left + place.Width));
    const std::size_t height = static_cast<std::size_t>(std::max(gif_->SHeight, place.Top + place.Height));
    file_.check_size(width, height);
    file_.check_size(static_cast<std::size_t>(place.Width), static_cast<std::size_t>(place.Height));
    colours_ = place.ColorMap ? place.ColorMap : gif_->SColorMap;
    if (!colours_) file_.fail("damaged GIF: it has no colours");
    DecodedImage image{.width = width, .height = height, .channels = 3, .pixels = {}};
    image.take_memory();
    for (std::size_t i = 0; i < width * height; ++i) set_colour(&image.pixels[i * 3], transparent_.value_or(0));
    if (!place.Interlace) {
      read_rows(image, 0, 1);
    } else {
      constexpr std::array<std::array<int, 2>, 4> passes = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
      for (const auto& [first, step] : passes) read_rows(image, first, step);
    }
    return image;
  }

 private:
  // Up to the picture's description. What lies before it may name the colour that is transparent.
  void find_picture() {
    for (GifRecordType kind = UNDEFINED_RECORD_TYPE; kind != IMAGE_DESC_RECORD_TYPE;) {
      require(DGifGetRecordType(gif_.get(), &kind));
      if (kind == TERMINATE_RECORD_TYPE) file_.fail("damaged GIF: it holds no picture");
      if (kind == EXTENSION_RECORD_TYPE) read_extension();
    }
  }

  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;  // its length, then its bytes
    require(DGifGetExtension(gif_.get(), &code, &block));
    while (block) {
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && (block[1] & 1)) transparent_ = block[4];
      require(DGifGetExtensionNext(gif_.get(), &block));
    }
  }

  void read_rows(DecodedImage& image, int first, int step) {
    const GifImageDesc& place = gif_->Image;
    std::vector<GifPixelType> row(static_cast<std::size_t>(place.Width));
    for (int y = first; y < place.Height; y += step) {
      require(DGifGetLine(gif_.get(), row.data(), place.Width));
      const std::size_t start =
          static_cast<std::size_t>(place.Top + y) * image.width + static_cast<std::size_t>(place.Left);
      for (std::size_t x = 0; x < row.size(); ++x) set_colour(&image.pixels[(start + x) * 3], row[x]);
    }
  }

  void set_colour(std::uint8_t* pixel, int index) const {
    const GifColorType colour = index < colours_->ColorCount ? colours_->Colors[index] : GifColorType{};
    pixel[0] = colour.Red;
    pixel[1] = colour.Green;
    pixel[2] = colour.Blue;
  }

  void require(int result) const {
    if (result != GIF_OK) give_up(gif_->Error);
  }
  [[noreturn]] void give_up(int error) const {
    const char* reason = GifErrorString(error);
    file_.fail(fmt::format("damaged GIF: {}", reason ? reason : "its bytes end too early"));
  }

  const EncodedImage& file_;
  Bytes left_;
  std::unique_ptr<GifFileType, CloseGif> gif_;
  const ColorMapObject* colours_ = nullptr;
  std::optional<int> transparent_;
};

}  // namespace

DecodedImage decode_gif(const EncodedImage& file) { return GifReader(file).first_picture(); }

}  // namespace cascadecl
