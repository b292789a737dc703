#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// Channels, rows and columns of the images of a dataset.
struct ImageDims {
  int channels = 0, height = 0, width = 0;
  std::int64_t bytes() const { return std::int64_t{1} * channels * height * width; }
  bool operator==(const ImageDims&) const = default;
};

// "RGB", "BGR", "gray" or "none": channels that are no colours.
bool is_color_order(std::string_view text);

// What all splits of a dataset share. Class k is called label_names[k].
struct DatasetHeader {
  std::string name;
  ImageDims dims;
  std::vector<std::string> label_names;
  std::vector<float> mean, std;     // [C], of the training images scaled to 0..1
  std::string color_order = "RGB";  // see is_color_order()
  int classes() const { return static_cast<int>(label_names.size()); }
  bool operator==(const DatasetHeader&) const = default;
};

// Labelled images, read in any order. Implementations are safe for several readers at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual const DatasetHeader& header() const = 0;
  virtual std::int64_t size() const = 0;  // images; at least 1

  // The labels of all images, [size()], each in 0..classes-1. Valid as long as the dataset.
  virtual std::span<const std::int32_t> labels() const = 0;

  // Copies the pixels of the images at `indices` to `images` [indices.size()][C][H][W]. Throws FileError if the file
  // cannot be read.
  virtual void read(std::span<const std::int64_t> indices, std::uint8_t* images) const = 0;

  // 1 if reading is fast in any order. Otherwise images i with equal i / block() should be read close together: they
  // come from the file in one piece, and not all of the dataset is kept in memory.
  virtual std::int64_t block() const { return 1; }
};

// A number, as 16 hexadecimal digits, that tells labels apart from other labels of as many images.
std::string fingerprint(std::span<const std::int32_t> labels);

// A dataset in memory.
class MemoryDataset final : public Dataset {
 public:
  // images [N][C][H][W]. Throws ShapeError if the sizes do not fit or there is no image, UsageError if a label is out
  // of range.
  MemoryDataset(DatasetHeader header, std::vector<std::uint8_t> images, std::vector<std::int32_t> labels);

  const DatasetHeader& header() const override { return header_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::span<const std::int32_t> labels() const override { return labels_; }
  void read(std::span<const std::int64_t> indices, std::uint8_t* images) const override;

 private:
  DatasetHeader header_;
  std::vector<std::uint8_t> images_;
  std::vector<std::int32_t> labels_;
};

// Two disjoint sets of image indices, each ascending.
struct ValidationSplit {
  std::vector<std::int64_t> held_out, rest;
};

// Holds out a share (0..1) of the images of each class, rounded to whole images. Which ones depends on the seed alone.
// Of a class with at least two images, at least one stays on each side, unless share is 0 or 1. Throws UsageError if
// share is not in 0..1.
ValidationSplit split_validation(std::span<const std::int32_t> labels, double share, std::uint64_t seed);

// Mean and standard deviation of each channel, scaled to 0..1, over images that are added piece by piece. Sums are
// exact integers, so the result does not depend on the pieces.
class PixelStatistics {
 public:
  explicit PixelStatistics(ImageDims dims);
  void add(std::span<const std::uint8_t> images);  // whole images, [n][C][H][W]
  std::int64_t images() const { return images_; }
  std::vector<float> mean() const;  // [C]; 0 without images
  std::vector<float> std() const;   // [C]; a constant channel gives 1/255, so that one may divide by it

 private:
  ImageDims dims_;
  std::int64_t images_ = 0;
  std::vector<std::uint64_t> sum_, sum_of_squares_;
};

}  // namespace cascadecl
