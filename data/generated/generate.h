#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "data/dataset.h"
#include "data/dataset_writer.h"

namespace cascadecl {

// From the easiest to the hardest image.
struct DifficultyRange {
  int easy = 0, hard = 0;
};

// What makes a generated image hard. Each image has a difficulty between 0 and 1000; every range is followed linearly.
// Lengths are in 1/1000 of half the image's side, probabilities in 1/1000, angles in 1/1000 of a turn.
struct GenerateDifficulty {
  int easy_share = 300;  // of 1000 images: difficulty 0
  int hard_share = 150;  // of 1000 images: difficulty 1000; the rest is spread evenly between

  DifficultyRange radius{850, 500};   // of the shape
  DifficultyRange tilt{10, 150};      // the shape is turned by up to this much, either way
  DifficultyRange squeeze{0, 250};    // one direction is shortened by up to this much of 1000
  DifficultyRange contrast{120, 80};  // of shape and background, in grey levels of 255
  DifficultyRange inverted{0, 500};   // probability, for each colour channel, of a shape darker than the background
  DifficultyRange noise{4, 24};       // standard deviation, in grey levels
  DifficultyRange gradient{0, 50};    // the background's grey level changes by up to this much
  DifficultyRange rival{0, 350};      // probability of a shape of another class behind
  DifficultyRange clutter{0, 3};      // at most this many small shapes in the background
  DifficultyRange occluder{0, 500};   // probability of a bar across the shape
  int occluder_width = 260;           // of the bar, in 1/1000 of the shape's radius
};

struct GenerateSettings {
  std::int64_t train_images = 8000, test_images = 2000;
  int size = 32;  // side of the square RGB images, 8 to 1024 pixels
  std::uint64_t seed = 1;
  GenerateDifficulty difficulty;
};

// Image `index` and its class, index mod 10. The class is that of the shape in front. Depends on seed, size, difficulty
// and index only, to the last bit on every machine. image: [3][size][size].
std::int32_t generate_image(const GenerateSettings& settings, std::int64_t index, std::span<std::uint8_t> image);

// The difficulty, 0 to 1000, that generate_image gives the image.
int difficulty_of(const GenerateSettings& settings, std::int64_t index);

// Index of the first image of the split test; those of train begin at 0. A longer split begins with the same images.
constexpr std::int64_t first_test_image = std::int64_t{1} << 40;

// The split's images in memory, with mean and std of these images.
MemoryDataset generate_in_memory(const GenerateSettings& settings, std::int64_t first_image, std::int64_t images);

// Writes a dataset file with the splits train and test (left out if it has no images). Throws UsageError if the sizes
// are out of range or there are no training images, OutputError if the file cannot be written.
void generate_dataset(const GenerateSettings& settings, const std::filesystem::path& target,
                      DatasetWriter::Settings storage = {});

}  // namespace cascadecl
