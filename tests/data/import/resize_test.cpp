#include "data/import/resize.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "data/files/error.h"

using namespace cascadecl;

namespace {

using Bytes = std::vector<std::uint8_t>;

Image gray(int height, int width, Bytes pixels) { return {{1, height, width}, std::move(pixels)}; }

}  // namespace

TEST_CASE("an image that shrinks is averaged over the area of its new pixels") {
  CHECK(resize_image(gray(2, 4, {0, 10, 20, 30, 40, 50, 60, 70}), 1, 2).pixels == Bytes{25, 45});
  // Columns of 1.5 pixels: the middle one counts half for each.
  CHECK(resize_image(gray(3, 3, {0, 90, 180, 0, 90, 180, 0, 90, 180}), 2, 2).pixels == Bytes{30, 150, 30, 150});
}

TEST_CASE("an image that grows is interpolated between the centres of its pixels") {
  CHECK(resize_image(gray(1, 2, {0, 100}), 2, 4).pixels == Bytes{0, 25, 75, 100, 0, 25, 75, 100});
  CHECK(resize_image(gray(1, 1, {77}), 3, 3).pixels == Bytes(9, 77));
}

TEST_CASE("of an image of other proportions the middle is kept") {
  CHECK(resize_image(gray(1, 5, {1, 2, 3, 4, 5}), 1, 1).pixels == Bytes{3});
  CHECK(resize_image(gray(4, 1, {10, 20, 30, 40}), 1, 1).pixels == Bytes{25});  // half of 20 and of 30
  CHECK(resize_image(gray(4, 2, {1, 1, 2, 3, 4, 5, 6, 6}), 2, 2).pixels == Bytes{2, 3, 4, 5});
}

TEST_CASE("each channel is resized alone") {
  const Image image{{3, 2, 2}, {10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30}};
  const Image resized = resize_image(image, 1, 1);
  CHECK(resized.dims == ImageDims{3, 1, 1});
  CHECK(resized.pixels == Bytes{10, 20, 30});
}

TEST_CASE("a resized image stays within the brightness of its source") {
  CHECK(rc::check([] {
    const int height = *rc::gen::inRange(1, 20), width = *rc::gen::inRange(1, 20);
    const int rows = *rc::gen::inRange(1, 20), columns = *rc::gen::inRange(1, 20);
    const auto pixels =
        *rc::gen::container<Bytes>(static_cast<std::size_t>(height * width), rc::gen::arbitrary<std::uint8_t>());
    const Image resized = resize_image(gray(height, width, pixels), rows, columns);
    RC_ASSERT(resized.dims == (ImageDims{1, rows, columns}));
    RC_ASSERT(resized.pixels.size() == static_cast<std::size_t>(rows * columns));
    const auto [low, high] = std::minmax_element(pixels.begin(), pixels.end());
    for (const std::uint8_t pixel : resized.pixels) RC_ASSERT(pixel >= *low && pixel <= *high);
    if (rows == height && columns == width) RC_ASSERT(resized.pixels == pixels);
  }));
}

TEST_CASE("no image is resized to nothing") { CHECK_THROWS_AS(resize_image(gray(1, 1, {0}), 0, 1), ShapeError); }
