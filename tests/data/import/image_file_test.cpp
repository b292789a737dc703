#include "data/import/image_file.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "data/files/error.h"
#include "tests/support/image_files.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl::testing {
namespace {

constexpr ImageDims shape{3, 6, 9};
constexpr int width = 9, height = 6;

std::string file_error(const std::filesystem::path& path, ImageDims expected = shape) {
  return error_of<FileError>([&] { read_image_file(path, expected); });
}

TEST_CASE("a PNG file gives its pixels by channel") {
  const TemporaryFolder folder;
  const auto pixels = random_pixels(width * height * 3);
  write_png(folder / "a.png", width, height, 3, pixels);
  const auto image = read_image_file(folder / "a.png", shape).pixels;
  REQUIRE(image.size() == pixels.size());
  for (std::size_t i = 0; i < width * height; ++i) {
    for (std::size_t c = 0; c < 3; ++c) CHECK(image[c * width * height + i] == pixels[i * 3 + c]);
  }
}

TEST_CASE("a gray PNG file serves a model of three channels, and a gray model") {
  const TemporaryFolder folder;
  const auto pixels = random_pixels(width * height);
  write_png(folder / "a.png", width, height, 1, pixels);
  CHECK(read_image_file(folder / "a.png", ImageDims{1, height, width}).pixels == pixels);
  const auto image = read_image_file(folder / "a.png", shape).pixels;
  for (std::size_t i = 0; i < image.size(); ++i) CHECK(image[i] == pixels[i % (width * height)]);
}

TEST_CASE("transparent pixels of a PNG file stand on black") {
  const TemporaryFolder folder;
  write_png(folder / "a.png", width, height, 4, std::vector<std::uint8_t>(width * height * 4, 0));
  CHECK(read_image_file(folder / "a.png", shape).pixels == std::vector<std::uint8_t>(width * height * 3, 0));
}

TEST_CASE("a JPEG file gives its pixels by channel") {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {200, 100, 50});
  write_jpeg(folder / "a.jpg", width, height, pixels);
  const auto image = read_image_file(folder / "a.jpg", shape).pixels;
  REQUIRE(image.size() == pixels.size());
  for (std::size_t i = 0; i < image.size(); ++i) {
    const int expected = i < width * height ? 200 : i < 2 * width * height ? 100 : 50;
    CHECK(std::abs(image[i] - expected) <= 3);  // what rounding in YCbCr may lose
  }
}

TEST_CASE("image files of another size are refused with both sizes") {
  const TemporaryFolder folder;
  write_png(folder / "a.png", height, width, 3, random_pixels(width * height * 3));
  write_jpeg(folder / "a.jpg", height, width, random_pixels(width * height * 3));
  for (const char* name : {"a.png", "a.jpg"}) {
    const std::string error = file_error(folder / name);
    CHECK(contains(error, name));
    CHECK(contains(error, "6x9"));
    CHECK(contains(error, "9x6"));
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
  CHECK(contains(file_error(folder / "a.txt"), "neither"));
  write_text(folder / "empty", "");
  CHECK(contains(file_error(folder / "empty"), "neither"));
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
  CHECK_THROWS_AS(read_image_file("a.png", ImageDims{4, 6, 9}), UsageError);
  CHECK_THROWS_AS(read_image_file("a.png", 2), UsageError);
}

}  // namespace
}  // namespace cascadecl::testing
