#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset_writer.h"

namespace cascadecl {

// How images lie in an array: pixel by pixel with its channels together, as Keras and Pillow write them, or plane by
// plane.
struct ArrayLayout {
  ImageDims dims;
  bool channels_last = false;
};

// A split whose images come from an array in a file.
struct ArraySplit {
  using Sink = std::function<void(std::span<const std::uint8_t> images)>;  // whole images, any number at once

  std::string name;
  ArrayLayout layout;
  std::vector<std::int32_t> labels;  // of all its images
  // Passes all images on, in order. Throws FileError if there are fewer or more than labels.
  std::function<void(const Sink& sink)> read;
};

// What importers of arrays and of image files have in common.
struct ImportSettings {
  double test_share = 0;   // above 0: of the images of each class of train that become the split test
  std::uint64_t seed = 1;  // which images become test
  DatasetWriter::Settings storage;
};

struct ArrayImport {
  std::string name;                      // of the dataset
  std::vector<std::string> label_names;  // empty: "0" up to the largest label
  std::optional<ImageDims> dims;         // that images get; none: they keep theirs
  std::vector<ArraySplit> splits;        // at least one; of one size, unless dims says which
};

// Writes the dataset. Images are resized by resize_image(); gray ones become three equal channels if dims has three.
// Throws FileError that begins with `source` if a label has no name, if the sizes of splits differ, or if a split test
// is to be made where there is one or no train; UsageError if dims cannot be had; what ArraySplit::read throws;
// OutputError.
void import_arrays(const std::filesystem::path& source, ArrayImport arrays, const std::filesystem::path& target,
                   const ImportSettings& settings);

// Which images of train become the split test. Throws FileError if no image is left on a side.
struct TestSplit {
  std::vector<std::int64_t> train, test;  // ascending
};
TestSplit split_test(const std::filesystem::path& source, std::span<const std::int32_t> labels,
                     const ImportSettings& settings);

// Throws FileError if the split test cannot be made out of train: there is one already, or there is no train.
void check_test_share(const std::filesystem::path& source, const std::vector<std::string>& splits);

}  // namespace cascadecl
