#include "data/generated/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "data/files/error.h"
#include "data/files/random.h"
#include "data/generated/shapes.h"

namespace cascadecl {
namespace {

constexpr std::int64_t images_at_once = 256;
using Color = std::array<int, 3>;

// One image in the making: layers are painted from back to front.
class Scene {
 public:
  Scene(const GenerateSettings& settings, std::int64_t index)
      : ranges_(settings.difficulty),
        size_(settings.size),
        difficulty_(difficulty_of(settings, index)),
        random_(settings.seed, RandomPurpose::generated_image, static_cast<std::uint64_t>(index)) {}

  void paint(int shape_class);
  void finish(std::span<std::uint8_t> image);

 private:
  int follow(DifficultyRange range) const { return range.easy + (range.hard - range.easy) * difficulty_ / 1000; }
  int draw(int low, int high) {  // low to high, both included
    return low + static_cast<int>(random_.below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool chance(DifficultyRange range) { return draw(0, 999) < follow(range); }
  int other_class(int shape_class) { return (shape_class + draw(1, shape_classes - 1)) % shape_classes; }

  void paint_background();
  void paint_clutter();
  void paint_layer(const Shape& shape, const Color& color);
  Shape pose(const Shape& shape, Point centre, int radius);
  Color contrasting_color();
  Point inside(int radius);

  const GenerateDifficulty& ranges_;
  int size_, difficulty_;
  RandomStream random_;
  Color background_{};
  std::vector<int> pixels_;  // [3][size][size], grey levels
};

// Colour that differs from the background by the wanted contrast in one channel, by at least half of it in the others.
// It is brighter, or darker with the probability `inverted` in each channel, where grey levels have room for it.
Color Scene::contrasting_color() {
  const int contrast = follow(ranges_.contrast);
  const int strongest = draw(0, 2);
  Color color{};
  for (int c = 0; c < 3; ++c) {
    const int step = c == strongest ? contrast : draw(contrast / 2, contrast);
    const int up = background_[c] + step, down = background_[c] - step;
    const bool darker = chance(ranges_.inverted);
    color[c] = std::clamp(up > 255 || (darker && down >= 0) ? down : up, 0, 255);
  }
  return color;
}

// A random point such that a shape of that radius stays within the image, or almost.
Point Scene::inside(int radius) {
  const int margin = std::max(0, unit - radius * 9 / 10);
  return {unit + draw(-margin, margin), unit + draw(-margin, margin)};
}

Shape Scene::pose(const Shape& shape, Point centre, int radius) {
  const int tilt = follow(ranges_.tilt) * turn / 1000;
  const int squeeze = unit - draw(0, follow(ranges_.squeeze)) * unit / 1000;
  return place(shape, centre, radius, squeeze, draw(-tilt, tilt));
}

void Scene::paint_background() {
  for (int& level : background_) level = draw(40, 130);
  const int gradient = follow(ranges_.gradient);
  const int across = draw(-gradient, gradient), down = draw(-gradient, gradient);
  pixels_.clear();
  for (const int level : background_)
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x)
        pixels_.push_back(level + (across * (2 * x - size_) + down * (2 * y - size_)) / (2 * size_));
}

void Scene::paint_clutter() {
  const int shapes = draw(0, follow(ranges_.clutter));
  for (int i = 0; i < shapes; ++i) {
    const int radius = draw(unit / 8, unit / 4);
    const Shape shape = make_shape(draw(0, shape_classes - 1));
    const Point centre{draw(0, 2 * unit), draw(0, 2 * unit)};
    paint_layer(pose(shape, centre, radius), contrasting_color());
  }
}

void Scene::paint_layer(const Shape& shape, const Color& color) {
  const std::vector<std::uint8_t> covered = coverage(shape, size_);
  std::size_t i = 0;
  for (const int level : color)
    for (const int alpha : covered) {
      pixels_[i] += (level - pixels_[i]) * alpha / 255;
      ++i;
    }
}

void Scene::paint(int shape_class) {
  paint_background();
  paint_clutter();
  const int widest = follow(ranges_.radius) * unit / 1000;
  const int radius = draw(widest * 85 / 100, widest);
  const Point centre = inside(radius);
  if (chance(ranges_.rival)) {
    const Shape rival = make_shape(other_class(shape_class));
    const int reach = radius * 12 / 10;
    const int angle = draw(0, turn - 1);
    const Point beside{centre.x + std::int64_t{reach} * cosine(angle) / unit,
                       centre.y + std::int64_t{reach} * sine(angle) / unit};
    paint_layer(pose(rival, beside, radius), contrasting_color());
  }
  paint_layer(pose(make_shape(shape_class), centre, radius), contrasting_color());
  if (chance(ranges_.occluder)) {
    const Shape bar = make_bar(4 * unit, ranges_.occluder_width * unit / 1000);
    const Point off{centre.x + draw(-radius / 2, radius / 2), centre.y + draw(-radius / 2, radius / 2)};
    paint_layer(place(bar, off, radius, unit, draw(0, turn - 1)), contrasting_color());
  }
}

// Adds noise, the sum of four bytes less its mean (standard deviation 147.8), and rounds.
void Scene::finish(std::span<std::uint8_t> image) {
  const int noise = follow(ranges_.noise);
  for (std::size_t i = 0; i < image.size(); ++i) {
    const std::uint32_t word = random_.word();
    const int sum = static_cast<int>((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
    image[i] = static_cast<std::uint8_t>(std::clamp(pixels_[i] + noise * (sum - 510) / 148, 0, 255));
  }
}

void check(const GenerateSettings& settings) {
  if (settings.size < 8 || settings.size > 1024)
    throw UsageError(fmt::format("image size {}, expected 8 to 1024 pixels", settings.size));
  if (settings.train_images < 1 || settings.train_images >= first_test_image)
    throw UsageError(fmt::format("{} training images, expected at least 1", settings.train_images));
  if (settings.test_images < 0 || settings.test_images >= first_test_image)
    throw UsageError(fmt::format("{} test images, expected 0 or more", settings.test_images));
}

DatasetHeader header_of(const GenerateSettings& settings) {
  return {.name = fmt::format("generated, seed {}", settings.seed),
          .dims = {3, settings.size, settings.size},
          .label_names = shape_names(),
          .mean = {},
          .std = {}};
}

void append_split(DatasetWriter& writer, const GenerateSettings& settings, std::string_view split, std::int64_t first,
                  std::int64_t images) {
  const auto bytes = static_cast<std::size_t>(header_of(settings).dims.bytes());
  writer.begin_split(split, images);
  for (std::int64_t done = 0; done < images; done += images_at_once) {
    const auto count = static_cast<std::size_t>(std::min(images_at_once, images - done));
    std::vector<std::uint8_t> pixels(count * bytes);
    std::vector<std::int32_t> labels(count);
    for (std::size_t i = 0; i < count; ++i)
      labels[i] = generate_image(settings, first + done + static_cast<std::int64_t>(i),
                                 std::span(pixels).subspan(i * bytes, bytes));
    writer.append(pixels, labels);
  }
}

}  // namespace

int difficulty_of(const GenerateSettings& settings, std::int64_t index) {
  RandomStream random(settings.seed, RandomPurpose::difficulty, static_cast<std::uint64_t>(index));
  const auto rank = static_cast<int>(random.below(1000));
  const auto between = static_cast<int>(random.below(1001));
  if (rank < settings.difficulty.easy_share) return 0;
  return rank >= 1000 - settings.difficulty.hard_share ? 1000 : between;
}

std::int32_t generate_image(const GenerateSettings& settings, std::int64_t index, std::span<std::uint8_t> image) {
  const auto label = static_cast<std::int32_t>(index % shape_classes);
  Scene scene(settings, index);
  scene.paint(label);
  scene.finish(image);
  return label;
}

MemoryDataset generate_in_memory(const GenerateSettings& settings, std::int64_t first_image, std::int64_t images) {
  check(settings);
  DatasetHeader header = header_of(settings);
  const auto bytes = static_cast<std::size_t>(header.dims.bytes());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images) * bytes);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(images));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = generate_image(settings, first_image + static_cast<std::int64_t>(i),
                               std::span(pixels).subspan(i * bytes, bytes));
  PixelStatistics statistics(header.dims);
  statistics.add(pixels);
  header.mean = statistics.mean();
  header.std = statistics.std();
  return MemoryDataset(std::move(header), std::move(pixels), std::move(labels));
}

void generate_dataset(const GenerateSettings& settings, const std::filesystem::path& target,
                      DatasetWriter::Settings storage) {
  check(settings);
  DatasetWriter writer(target, header_of(settings), storage);
  append_split(writer, settings, "train", 0, settings.train_images);
  if (settings.test_images > 0) append_split(writer, settings, "test", first_test_image, settings.test_images);
  writer.commit();
}

}  // namespace cascadecl
