#include "data/import/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
// jpeglib.h needs what cstdio declares.
#include <jpeglib.h>
#include <png.h>

#include <array>
#include <fstream>
#include <functional>
#include <string>

#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;
constexpr std::uint64_t largest_pixels = 100'000'000;

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

// Told the size that a file announces, before memory is taken for its pixels; throws FileError if it will not do.
using SizeCheck = std::function<void(unsigned width, unsigned height)>;

// All decoders give [H][W][C].
struct Decoded {
  unsigned width = 0, height = 0;
  Bytes pixels;
};

std::size_t pixel_bytes(unsigned width, unsigned height, int channels) {
  return std::size_t{width} * height * static_cast<std::size_t>(channels);
}

// Frees what libpng keeps for an image.
struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

Decoded decode_png(const std::filesystem::path& path, const Bytes& file, int channels, const SizeCheck& check) {
  PngImage image;
  const auto give_up = [&] { fail(path, fmt::format("damaged PNG: {}", image.message)); };
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size())) give_up();
  check(image.width, image.height);
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Decoded decoded{image.width, image.height, Bytes(pixel_bytes(image.width, image.height, channels))};
  const png_color black{};
  if (!png_image_finish_read(&image, &black, decoded.pixels.data(), 0, nullptr)) give_up();
  return decoded;
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

// Reads the size, and the pixels if they are wanted: [height][width][channels] has room at `pixels`. Returns false if
// the file is damaged. Plain data only: a longjmp runs no destructor.
struct JpegTarget {
  unsigned width = 0, height = 0;
  int channels = 0;
  std::uint8_t* pixels = nullptr;
};

bool decode_jpeg_into(const Bytes& file, JpegTarget& target, JpegErrors& errors) {
  jpeg_decompress_struct decoder;
  decoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = escape_jpeg;
  errors.manager.output_message = [](j_common_ptr) {};
  // A warning means a damaged file whose missing pixels would be made up.
  errors.manager.emit_message = [](j_common_ptr common, int level) {
    if (level < 0) escape_jpeg(common);
  };
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file.data(), file.size());
  jpeg_read_header(&decoder, TRUE);
  target.width = decoder.image_width;
  target.height = decoder.image_height;
  if (target.pixels) {
    decoder.out_color_space = target.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_start_decompress(&decoder);
    const std::size_t row_bytes = std::size_t{target.width} * static_cast<std::size_t>(target.channels);
    while (decoder.output_scanline < decoder.output_height) {
      JSAMPROW row = target.pixels + decoder.output_scanline * row_bytes;
      jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
  }
  jpeg_destroy_decompress(&decoder);
  return true;
}

Decoded decode_jpeg(const std::filesystem::path& path, const Bytes& file, int channels, const SizeCheck& check) {
  JpegErrors errors{};
  JpegTarget target{.channels = channels};
  const auto decode = [&] {
    if (!decode_jpeg_into(file, target, errors)) fail(path, fmt::format("damaged JPEG: {}", errors.message.data()));
  };
  decode();
  check(target.width, target.height);
  Decoded decoded{target.width, target.height, Bytes(pixel_bytes(target.width, target.height, channels))};
  target.pixels = decoded.pixels.data();
  decode();
  return decoded;
}

Bytes to_planes(const Bytes& pixels, int channel_count) {
  const auto channels = static_cast<std::size_t>(channel_count);
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

Image read_checked(const std::filesystem::path& path, int channels, const SizeCheck& check) {
  const Bytes file = read_bytes(path);
  Decoded decoded;
  if (begins_with(file, {0x89, 'P', 'N', 'G'})) {
    decoded = decode_png(path, file, channels, check);
  } else if (begins_with(file, {0xFF, 0xD8, 0xFF})) {
    decoded = decode_jpeg(path, file, channels, check);
  } else {
    fail(path, "is neither a PNG nor a JPEG file");
  }
  return {{channels, static_cast<int>(decoded.height), static_cast<int>(decoded.width)},
          to_planes(decoded.pixels, channels)};
}

void check_channels(int channels) {
  if (channels != 1 && channels != 3) {
    throw UsageError(fmt::format("images of {} channels are wanted; image files have 1 or 3", channels));
  }
}

}  // namespace

Image read_image_file(const std::filesystem::path& path, int channels) {
  check_channels(channels);
  return read_checked(path, channels, [&](unsigned width, unsigned height) {
    if (std::uint64_t{width} * height > largest_pixels) {
      fail(path, fmt::format("is {}x{} pixels (width x height), at most {} million are read", width, height,
                             largest_pixels / 1'000'000));
    }
  });
}

Image read_image_file(const std::filesystem::path& path, ImageDims expected) {
  check_channels(expected.channels);
  return read_checked(path, expected.channels, [&](unsigned width, unsigned height) {
    if (width != static_cast<unsigned>(expected.width) || height != static_cast<unsigned>(expected.height)) {
      fail(path, fmt::format("is {}x{} pixels (width x height), the model takes {}x{}", width, height, expected.width,
                             expected.height));
    }
  });
}

}  // namespace cascadecl
