#include "data/dataset_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::string turned(const std::string& color_order) {
  return color_order == "RGB" ? "BGR" : color_order == "BGR" ? "RGB" : color_order;
}

std::vector<std::string> renumbered(const DatasetHeader& header, const std::vector<std::int32_t>& new_labels) {
  std::vector<std::string> names(header.label_names.size());
  std::vector<bool> used(names.size());
  bool good = new_labels.size() == names.size();
  for (std::size_t k = 0; good && k < names.size(); ++k) {
    const auto label = static_cast<std::size_t>(new_labels[k]);
    good = new_labels[k] >= 0 && label < names.size() && !used[label];
    if (!good) break;
    used[label] = true;
    names[label] = header.label_names[k];
  }
  if (!good)
    throw UsageError(fmt::format("dataset {}: its {} classes cannot be renumbered: expected each number once",
                                 header.name, header.classes()));
  return names;
}

}  // namespace

DatasetView::DatasetView(std::shared_ptr<const Dataset> dataset, DatasetChange change)
    : dataset_(std::move(dataset)), change_(std::move(change)), header_(dataset_->header()) {
  const std::span<const std::int32_t> labels = dataset_->labels();
  labels_.assign(labels.begin(), labels.end());
  if (!change_.new_labels.empty()) {
    header_.label_names = renumbered(dataset_->header(), change_.new_labels);
    for (std::int32_t& label : labels_) label = change_.new_labels[static_cast<std::size_t>(label)];
  }
  if (change_.turn_channels) {
    header_.color_order = turned(header_.color_order);
    std::ranges::reverse(header_.mean);
    std::ranges::reverse(header_.std);
  }
}

void DatasetView::read(std::span<const std::int64_t> indices, std::uint8_t* images) const {
  dataset_->read(indices, images);
  if (change_.turn_channels)
    turn_channels(header_.dims, {images, indices.size() * static_cast<std::size_t>(header_.dims.bytes())});
}

void turn_channels(ImageDims dims, std::span<std::uint8_t> images) {
  const auto plane = static_cast<std::size_t>(dims.height) * static_cast<std::size_t>(dims.width),
             channels = static_cast<std::size_t>(dims.channels);
  for (; !images.empty(); images = images.subspan(channels * plane))
    for (std::size_t c = 0; c < channels / 2; ++c)
      std::swap_ranges(images.begin() + static_cast<std::ptrdiff_t>(c * plane),
                       images.begin() + static_cast<std::ptrdiff_t>((c + 1) * plane),
                       images.begin() + static_cast<std::ptrdiff_t>((channels - 1 - c) * plane));
}

}  // namespace cascadecl
