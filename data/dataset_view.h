#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace cascadecl {

// How one dataset is to be seen as another one: the same images, with their classes numbered and their colours ordered
// differently.
struct DatasetChange {
  std::vector<std::int32_t> new_labels;  // [classes] of each of the dataset's classes; empty: they stay
  bool turn_channels = false;            // the first becomes the last: BGR to RGB and back
  bool empty() const { return new_labels.empty() && !turn_channels; }
};

// A dataset seen through a change. Its header tells of the classes, colours, mean and standard deviation as they are
// seen; indices, size and block are those of the dataset.
class DatasetView final : public Dataset {
 public:
  // Throws UsageError if new_labels is not empty and no permutation of the dataset's classes.
  DatasetView(std::shared_ptr<const Dataset> dataset, DatasetChange change);

  const DatasetHeader& header() const override { return header_; }
  std::int64_t size() const override { return dataset_->size(); }
  std::span<const std::int32_t> labels() const override { return labels_; }
  void read(std::span<const std::int64_t> indices, std::uint8_t* images) const override;
  std::int64_t block() const override { return dataset_->block(); }

 private:
  std::shared_ptr<const Dataset> dataset_;
  DatasetChange change_;
  DatasetHeader header_;
  std::vector<std::int32_t> labels_;
};

// Swaps the first and last channel, the second and last but one, ... of images [n][C][H][W], in place.
void turn_channels(ImageDims dims, std::span<std::uint8_t> images);

}  // namespace cascadecl
