#include "cli/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs what cstdio declares.
#include <jpeglib.h>
#include <png.h>

#include <array>
#include <fstream>
#include <string>

#include "data/error.h"

namespace cascadecl {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw FileError(fmt::format("{}: {}", path.string(), problem));
}

Bytes read_bytes(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) fail(path, "there is no such file");
  if (!std::filesystem::is_regular_file(path, error)) fail(path, "is not a file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > largest_file) fail(path, error ? "cannot be read" : "is too large for an image");
  Bytes bytes(size);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    fail(path, "cannot be read");
  }
  return bytes;
}

void check_size(const std::filesystem::path& path, unsigned width, unsigned height, ImageShape expected) {
  if (width != static_cast<unsigned>(expected.width) || height != static_cast<unsigned>(expected.height)) {
    fail(path, fmt::format("is {}x{} pixels (width x height), the model takes {}x{}", width, height, expected.width,
                           expected.height));
  }
}

// All decoders give [H][W][C].
Bytes decode_png(const std::filesystem::path& path, const Bytes& file, ImageShape expected) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto give_up = [&] {
    const std::string message = image.message;
    png_image_free(&image);
    fail(path, fmt::format("damaged PNG: {}", message));
  };
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size())) give_up();
  if (image.width != static_cast<unsigned>(expected.width) || image.height != static_cast<unsigned>(expected.height)) {
    png_image_free(&image);
    check_size(path, image.width, image.height, expected);
  }
  image.format = expected.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Bytes pixels(PNG_IMAGE_SIZE(image));
  const png_color black{};
  if (!png_image_finish_read(&image, &black, pixels.data(), 0, nullptr)) give_up();
  return pixels;
}

// libjpeg reports errors by a function that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg hands this address back
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message;
};

void escape_jpeg(j_common_ptr decoder) {
  auto* errors = reinterpret_cast<JpegErrors*>(decoder->err);
  decoder->err->format_message(decoder, errors->message.data());
  std::longjmp(errors->escape, 1);
}

// Decodes into pixels, or gives the size alone if it is another one. Plain data only: a longjmp runs no destructor.
struct JpegResult {
  unsigned width = 0, height = 0;
  bool failed = false;
};

JpegResult decode_jpeg_into(const Bytes& file, ImageShape expected, Bytes& pixels, JpegErrors& errors) {
  jpeg_decompress_struct decoder;
  JpegResult result;
  decoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = escape_jpeg;
  errors.manager.output_message = [](j_common_ptr) {};
  // A warning means a damaged file whose missing pixels would be made up.
  errors.manager.emit_message = [](j_common_ptr common, int level) {
    if (level < 0) escape_jpeg(common);
  };
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&decoder);
    return {.failed = true};
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file.data(), file.size());
  jpeg_read_header(&decoder, TRUE);
  result.width = decoder.image_width;
  result.height = decoder.image_height;
  if (result.width == static_cast<unsigned>(expected.width) &&
      result.height == static_cast<unsigned>(expected.height)) {
    decoder.out_color_space = expected.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_start_decompress(&decoder);
    const std::size_t row_bytes = std::size_t{result.width} * static_cast<std::size_t>(expected.channels);
    while (decoder.output_scanline < decoder.output_height) {
      JSAMPROW row = pixels.data() + decoder.output_scanline * row_bytes;
      jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
  }
  jpeg_destroy_decompress(&decoder);
  return result;
}

Bytes decode_jpeg(const std::filesystem::path& path, const Bytes& file, ImageShape expected) {
  Bytes pixels(static_cast<std::size_t>(expected.width) * static_cast<std::size_t>(expected.height) *
               static_cast<std::size_t>(expected.channels));
  JpegErrors errors{};
  const JpegResult result = decode_jpeg_into(file, expected, pixels, errors);
  if (result.failed) fail(path, fmt::format("damaged JPEG: {}", errors.message.data()));
  check_size(path, result.width, result.height, expected);
  return pixels;
}

Bytes to_planes(const Bytes& pixels, ImageShape shape) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  const std::size_t plane = pixels.size() / channels;
  Bytes planes(pixels.size());
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < channels; ++c) planes[c * plane + i] = pixels[i * channels + c];
  }
  return planes;
}

bool begins_with(const Bytes& file, std::initializer_list<std::uint8_t> magic) {
  return file.size() >= magic.size() && std::equal(magic.begin(), magic.end(), file.begin());
}

}  // namespace

std::vector<std::uint8_t> read_image_file(const std::filesystem::path& path, ImageShape expected) {
  if (expected.channels != 1 && expected.channels != 3) {
    throw UsageError(fmt::format("the model takes images of {} channels; image files have 1 or 3", expected.channels));
  }
  const Bytes file = read_bytes(path);
  if (begins_with(file, {0x89, 'P', 'N', 'G'})) return to_planes(decode_png(path, file, expected), expected);
  if (begins_with(file, {0xFF, 0xD8, 0xFF})) return to_planes(decode_jpeg(path, file, expected), expected);
  fail(path, "is neither a PNG nor a JPEG file");
}

}  // namespace cascadecl
