#include "data/import/image_file.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "data/files/error.h"
#include "data/import/exif_orientation.h"
#include "tests/support/image_files.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl::testing {
namespace {

constexpr ImageDims shape{3, 6, 9};
constexpr int width = 9, height = 6;

const std::filesystem::path pictures = CASCADECL_PICTURES;

std::string file_error(const std::filesystem::path& path) {
  return error_of<FileError>([&] { read_image_file(path, 3); });
}

// A line of expected.txt, which pictures/make.py explains.
struct Expected {
  std::string name;
  bool refused = false;
  int width = 0, height = 0;
  double means[3] = {};
  std::uint32_t rgb = 0, gray = 0;
};

std::vector<Expected> all_expected() {
  std::ifstream file(pictures / "expected.txt");
  std::vector<Expected> all;
  for (std::string line; std::getline(file, line);) {
    Expected& of = all.emplace_back();
    std::istringstream words(line);
    words >> of.name;
    of.refused = contains(line, " refused");
    if (!of.refused) words >> of.width >> of.height >> of.means[0] >> of.means[1] >> of.means[2] >> of.rgb >> of.gray;
    REQUIRE(words);
  }
  return all;
}

// The sum of all values of [H][W][C], each times its place.
std::uint32_t checksum(const Image& image) {
  const std::size_t channels = static_cast<std::size_t>(image.dims.channels), plane = image.pixels.size() / channels;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < channels; ++c)
      sum += static_cast<std::uint32_t>(i * channels + c + 1) * image.pixels[c * plane + i];
  return sum;
}

TEST_CASE("pictures of every form are what Pillow shows of them") {
  const std::vector<Expected> all = all_expected();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(pictures)) files += has_image_name(entry.path());
  CHECK(all.size() == files);
  for (const Expected& of : all) {
    CAPTURE(of.name);
    if (of.refused) {
      CHECK(contains(file_error(pictures / of.name), of.name));
      continue;
    }
    const Image image = read_image_file(pictures / of.name, 3);
    CHECK(image.dims == ImageDims{3, of.height, of.width});
    const std::size_t plane = image.pixels.size() / 3;
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < plane; ++i) sum += image.pixels[c * plane + i];
      CHECK(sum / static_cast<double>(plane) == doctest::Approx(of.means[c]).epsilon(1e-4));
    }
    CHECK(checksum(image) == of.rgb);
    CHECK(checksum(read_image_file(pictures / of.name, 1)) == of.gray);
  }
}

TEST_CASE("a picture is refused for a reason that tells what is wrong") {
  CHECK(contains(file_error(pictures / "huge.png"), "60000x60000 pixels (width x height), at most 100 million"));
  CHECK(contains(file_error(pictures / "empty.jpg"), "is empty"));
  CHECK(contains(file_error(pictures / "truncated.png"), "damaged PNG: it is truncated"));
  CHECK(contains(file_error(pictures / "truncated.jpg"), "damaged JPEG: Corrupt JPEG data: premature end"));
  CHECK(contains(file_error(pictures / "progressive_truncated.jpg"), "damaged JPEG: Premature end of input file"));
  CHECK(contains(file_error(pictures / "bad_crc_pixels.png"), "damaged PNG: IDAT: "));
  CHECK(contains(file_error(pictures / "truncated.gif"), "damaged GIF"));
  CHECK(contains(file_error(pictures / "truncated.bmp"), "damaged BMP: it is truncated"));
  CHECK(contains(file_error(pictures / "truncated.webp"), "damaged or truncated WebP"));
  CHECK(contains(file_error(pictures / "truncated.tif"), "damaged TIFF: "));
  CHECK(contains(file_error(pictures / "compressed.bmp"), "compressed BMP"));
  CHECK(contains(file_error(pictures / "cmyk.tif"), "this one is of another form"));
}

TEST_CASE("files cut at any byte are refused, or are whole") {
  for (const char* name :
       {"rgb8.png", "base.jpg", "progressive.jpg", "lossless.webp", "palette.gif", "palette.bmp", "lzw.tif"}) {
    const std::string whole = read_text(pictures / name);
    const Image image = read_image_file(pictures / name, 3);
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
      CAPTURE(name);
      CAPTURE(bytes);
      const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));
      std::optional<Image> some;
      try {
        some = decode_image(cut, name, 3);
      } catch (const FileError&) {
        continue;
      }
      CHECK(some->pixels == image.pixels);
    }
  }
}

TEST_CASE("files with any byte changed are refused, or give some picture") {
  for (const char* name :
       {"palette.png", "exif6.jpg", "exif8.webp", "small_on_screen.gif", "rgb565.bmp", "palette.tif"}) {
    const std::string whole = read_text(pictures / name);
    std::vector<std::uint8_t> bytes(whole.begin(), whole.end());
    for (std::uint8_t& byte : bytes) {
      const std::uint8_t before = byte;
      for (const int change : {0x01, 0x80, 0xFF}) {
        byte = static_cast<std::uint8_t>(before ^ change);
        try {
          const Image image = decode_image(bytes, name, 3);
          CHECK(image.pixels.size() == static_cast<std::size_t>(image.dims.bytes()));
        } catch (const FileError&) {
        }
      }
      byte = before;
    }
  }
}

TEST_CASE("an Exif block that is damaged or says nothing leaves a picture as it is") {
  std::vector<std::uint8_t> block = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0};
  CHECK(exif_orientation(block) == 6);
  for (std::size_t bytes = 0; bytes < 20; ++bytes) CHECK(exif_orientation(std::span(block).first(bytes)) == 1);
  for (const int value : {0, 9, 255}) {
    block[19] = static_cast<std::uint8_t>(value);
    CHECK(exif_orientation(block) == 1);
  }
  block[19] = 3;
  block[7] = 0xFF;  // the directory lies beyond the end
  CHECK(exif_orientation(block) == 1);
}

TEST_CASE("a PNG file gives its pixels by channel") {
  const TemporaryFolder folder;
  const auto pixels = random_pixels(width * height * 3);
  write_png(folder / "a.png", width, height, 3, pixels);
  const auto image = read_image_file(folder / "a.png", 3).pixels;
  REQUIRE(image.size() == pixels.size());
  for (std::size_t i = 0; i < width * height; ++i) {
    for (std::size_t c = 0; c < 3; ++c) CHECK(image[c * width * height + i] == pixels[i * 3 + c]);
  }
}

TEST_CASE("a gray PNG file serves a model of three channels, and a gray model") {
  const TemporaryFolder folder;
  const auto pixels = random_pixels(width * height);
  write_png(folder / "a.png", width, height, 1, pixels);
  CHECK(read_image_file(folder / "a.png", 1).pixels == pixels);
  const auto image = read_image_file(folder / "a.png", 3).pixels;
  for (std::size_t i = 0; i < image.size(); ++i) CHECK(image[i] == pixels[i % (width * height)]);
}

TEST_CASE("a JPEG file gives its pixels by channel") {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {200, 100, 50});
  write_jpeg(folder / "a.jpg", width, height, pixels);
  const auto image = read_image_file(folder / "a.jpg", 3).pixels;
  REQUIRE(image.size() == pixels.size());
  for (std::size_t i = 0; i < image.size(); ++i) {
    const int expected = i < width * height ? 200 : i < 2 * width * height ? 100 : 50;
    CHECK(std::abs(image[i] - expected) <= 3);  // what rounding in YCbCr may lose
  }
}

TEST_CASE("truncated and foreign image files are refused") {
  const TemporaryFolder folder;
  write_png(folder / "a.png", width, height, 3, random_pixels(width * height * 3));
  write_jpeg(folder / "a.jpg", width, height, random_pixels(width * height * 3));
  for (const char* name : {"a.png", "a.jpg"}) {
    for (std::uintmax_t bytes = std::filesystem::file_size(folder / name) - 20; bytes > 0; bytes = bytes * 3 / 4) {
      std::filesystem::resize_file(folder / name, bytes);
      CAPTURE(bytes);
      CHECK(contains(file_error(folder / name), name));
    }
  }
  write_text(folder / "a.txt", "no image");
  CHECK(contains(file_error(folder / "a.txt"), "is none of PNG, JPEG, WebP, GIF, BMP and TIFF"));
  write_text(folder / "empty", "");
  CHECK(contains(file_error(folder / "empty"), "is empty"));
  CHECK(contains(file_error(folder / "missing.png"), "no such file"));
  CHECK(contains(file_error(folder.path()), "not a file"));
}

TEST_CASE("image files are read at any size, but for absurd ones") {
  const TemporaryFolder folder;
  const auto pixels = random_pixels(width * height);
  write_png(folder / "a.png", width, height, 1, pixels);
  const Image image = read_image_file(folder / "a.png", 1);
  CHECK(image.dims == ImageDims{1, height, width});
  CHECK(image.pixels == pixels);
  write_jpeg(folder / "a.jpg", width, height, random_pixels(width * height * 3));
  CHECK(read_image_file(folder / "a.jpg", 3).dims == shape);
  std::string png = read_text(folder / "a.png");
  png.replace(16, 8, std::string("\0\1\0\0\0\1\0\0", 8));  // says that it is 65536x65536
  write_text(folder / "large.png", png);
  CHECK_THROWS_AS(read_image_file(folder / "large.png", 1), FileError);
  std::string jpeg = read_text(folder / "a.jpg");
  const std::size_t frame = jpeg.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\xDC\xFF\xDC");  // says that it is 65500x65500
  write_text(folder / "large.jpg", jpeg);
  CHECK(contains(error_of<FileError>([&] { read_image_file(folder / "large.jpg", 3); }), "65500x65500"));
}

TEST_CASE("image files give one or three channels") {
  CHECK_THROWS_AS(read_image_file("a.png", 4), UsageError);
  CHECK_THROWS_AS(read_image_file("a.png", 2), UsageError);
}

}  // namespace
}  // namespace cascadecl::testing
