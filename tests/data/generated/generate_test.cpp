#include "data/generated/generate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/generated/shapes.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

namespace {

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
  return hash;
}

std::vector<std::uint8_t> image_of(const GenerateSettings& settings, std::int64_t index) {
  std::vector<std::uint8_t> image(static_cast<std::size_t>(3 * settings.size * settings.size));
  generate_image(settings, index, image);
  return image;
}

std::vector<std::uint8_t> images_of(const GenerateSettings& settings, std::int64_t first, std::int64_t count) {
  std::vector<std::uint8_t> all;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto image = image_of(settings, i);
    all.insert(all.end(), image.begin(), image.end());
  }
  return all;
}

double area(const Shape& shape, int size) {
  const auto covered = coverage(shape, size);
  return std::accumulate(covered.begin(), covered.end(), 0.0) / 255 / (size * size);
}

}  // namespace

TEST_CASE("the same seed gives the same bytes on every machine") {
  // Difficulties are spelled out, so that tuning the defaults does not touch this test.
  GenerateSettings settings{.seed = 1};
  settings.difficulty = {.easy_share = 200,
                         .hard_share = 200,
                         .radius = {700, 400},
                         .tilt = {20, 500},
                         .squeeze = {0, 300},
                         .contrast = {120, 60},
                         .inverted = {0, 500},
                         .noise = {4, 30},
                         .gradient = {0, 60},
                         .rival = {0, 600},
                         .clutter = {0, 4},
                         .occluder = {0, 600},
                         .occluder_width = 260};
  CHECK(hash_of(images_of(settings, 0, 100)) == 246940558230634298U);
}

TEST_CASE("another seed or index gives another image, and more images do not change the first ones") {
  const GenerateSettings one{.train_images = 20, .seed = 1}, two{.train_images = 20, .seed = 2};
  CHECK(image_of(one, 0) != image_of(two, 0));
  CHECK(image_of(one, 0) != image_of(one, 10));
  const TemporaryFolder folder;
  generate_dataset({.train_images = 15, .test_images = 5}, folder / "few.h5");
  generate_dataset({.train_images = 300, .test_images = 9}, folder / "many.h5");
  for (const char* split : {"train", "test"}) {
    std::vector<std::uint8_t> few(5 * 3072), many(5 * 3072);
    open_dataset(folder / "few.h5", split)->read(std::vector<std::int64_t>{0, 1, 2, 3, 4}, few.data());
    open_dataset(folder / "many.h5", split)->read(std::vector<std::int64_t>{0, 1, 2, 3, 4}, many.data());
    CHECK(few == many);
  }
}

TEST_CASE("two generated files of one seed are equal to the byte") {
  const TemporaryFolder folder;
  generate_dataset({.train_images = 100, .test_images = 20, .seed = 5}, folder / "a.h5");
  generate_dataset({.train_images = 100, .test_images = 20, .seed = 5}, folder / "b.h5");
  CHECK(read_text(folder / "a.h5") == read_text(folder / "b.h5"));
}

TEST_CASE("classes are balanced and images of any size are drawn") {
  const TemporaryFolder folder;
  generate_dataset({.train_images = 40, .test_images = 0, .size = 17}, folder / "a.h5");
  const DatasetFacts facts = describe_dataset(folder / "a.h5");
  REQUIRE(facts.splits.size() == 1);
  CHECK(facts.splits[0].per_class == std::vector<std::int64_t>(10, 4));
  CHECK(facts.header.dims == ImageDims{3, 17, 17});
  CHECK(facts.header.label_names == shape_names());
}

TEST_CASE("difficulties range from all easy to all hard in the given shares") {
  GenerateSettings settings;
  settings.difficulty.easy_share = 300;
  settings.difficulty.hard_share = 200;
  int easy = 0, hard = 0;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    const int difficulty = difficulty_of(settings, i);
    CHECK((difficulty >= 0 && difficulty <= 1000));
    easy += difficulty == 0;
    hard += difficulty == 1000;
  }
  CHECK(std::abs(easy - 3000) < 200);  // more than four standard deviations
  CHECK(std::abs(hard - 2000) < 200);
}

TEST_CASE("generate refuses sizes out of range") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(generate_dataset({.size = 4}, folder / "a.h5"), UsageError);
  CHECK_THROWS_AS(generate_dataset({.train_images = 0}, folder / "a.h5"), UsageError);
  CHECK_THROWS_AS(generate_dataset({.test_images = -1}, folder / "a.h5"), UsageError);
  CHECK(folder.entries() == 0);
}

TEST_CASE("sine is exact to one step in the whole turn") {
  for (int angle = -turn; angle < 2 * turn; angle += 7)
    CHECK(std::abs(sine(angle) - unit * std::sin(angle * 2 * 3.14159265358979 / turn)) <= 1.0);
}

TEST_CASE("shapes cover the area that geometry says") {
  const Point middle{unit, unit};
  const auto drawn = [&](int shape_class) {
    return 4 * area(place(make_shape(shape_class), middle, unit, unit, 0), 64);
  };
  CHECK(drawn(3) == doctest::Approx(4 * 0.7 * 0.7).epsilon(0.01));                       // square
  CHECK(drawn(4) == doctest::Approx(3 * std::sqrt(3.0) / 4).epsilon(0.01));              // triangle
  CHECK(drawn(0) == doctest::Approx(3.1416 * 0.84 * 0.84).epsilon(0.02));                // disc
  CHECK(drawn(8) == doctest::Approx(3.1416 * (0.95 * 0.95 - 0.5 * 0.5)).epsilon(0.02));  // ring
  CHECK(drawn(9) == doctest::Approx(drawn(8) * 7 / 8).epsilon(0.02));                    // open ring
}

TEST_CASE("a shape's area does not depend on its angle, and parts outside the image are cut off") {
  const Point middle{unit, unit};
  for (int shape_class = 0; shape_class < shape_classes; ++shape_class) {
    const Shape shape = make_shape(shape_class);
    const double upright = area(place(shape, middle, unit / 2, unit, 0), 64);
    CHECK(area(place(shape, middle, unit / 2, unit, 300), 64) == doctest::Approx(upright).epsilon(0.02));
    CHECK(area(place(shape, middle, unit / 2, unit / 2, 300), 64) == doctest::Approx(upright / 2).epsilon(0.03));
    CHECK(area(place(shape, {-3 * unit, unit}, unit, unit, 0), 64) == 0);
  }
  CHECK(area(place(make_bar(8 * unit, 8 * unit), middle, unit, unit, 0), 16) == 1);
}
