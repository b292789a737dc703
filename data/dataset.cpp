#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "data/files/error.h"
#include "data/files/fnv1a.h"
#include "data/files/random.h"

namespace cascadecl {

bool is_color_order(std::string_view text) {
  return text == "RGB" || text == "BGR" || text == "gray" || text == "none";
}

MemoryDataset::MemoryDataset(DatasetHeader header, std::vector<std::uint8_t> images, std::vector<std::int32_t> labels)
    : header_(std::move(header)), images_(std::move(images)), labels_(std::move(labels)) {
  if (labels_.empty()) throw ShapeError(fmt::format("dataset {}: holds no images", header_.name));
  if (static_cast<std::int64_t>(images_.size()) != size() * header_.dims.bytes())
    throw ShapeError(fmt::format("dataset {}: {} bytes of images for {} labels, expected {} for each", header_.name,
                                 images_.size(), labels_.size(), header_.dims.bytes()));
  for (const std::int32_t label : labels_)
    if (label < 0 || label >= header_.classes())
      throw UsageError(
          fmt::format("dataset {}: label {}, expected 0 to {}", header_.name, label, header_.classes() - 1));
}

void MemoryDataset::read(std::span<const std::int64_t> indices, std::uint8_t* images) const {
  const auto bytes = static_cast<std::size_t>(header_.dims.bytes());
  for (const std::int64_t index : indices) {
    std::memcpy(images, images_.data() + static_cast<std::size_t>(index) * bytes, bytes);
    images += bytes;
  }
}

std::string fingerprint(std::span<const std::int32_t> labels) {
  Fnv1a hash;
  hash.add_values(labels);
  return hash.text();
}

ValidationSplit split_validation(std::span<const std::int32_t> labels, double share, std::uint64_t seed) {
  if (!(share >= 0 && share <= 1)) throw UsageError(fmt::format("validation share {}: expected 0 to 1", share));
  std::map<std::int32_t, std::vector<std::int64_t>> members;
  for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(static_cast<std::int64_t>(i));

  ValidationSplit split;
  for (auto& [label, images] : members) {
    const auto n = static_cast<std::int64_t>(images.size());
    auto held_out = static_cast<std::int64_t>(std::llround(share * static_cast<double>(n)));
    if (n >= 2 && share > 0 && share < 1) held_out = std::clamp<std::int64_t>(held_out, 1, n - 1);
    RandomStream random(seed, RandomPurpose::validation, static_cast<std::uint64_t>(label));
    for (std::int64_t i = 0; i < held_out; ++i) {  // the first steps of a Fisher-Yates shuffle
      const auto other = i + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n - i)));
      std::swap(images[static_cast<std::size_t>(i)], images[static_cast<std::size_t>(other)]);
    }
    split.held_out.insert(split.held_out.end(), images.begin(), images.begin() + held_out);
    split.rest.insert(split.rest.end(), images.begin() + held_out, images.end());
  }
  std::sort(split.held_out.begin(), split.held_out.end());
  std::sort(split.rest.begin(), split.rest.end());
  return split;
}

PixelStatistics::PixelStatistics(ImageDims dims)
    : dims_(dims),
      sum_(static_cast<std::size_t>(dims.channels), 0),
      sum_of_squares_(static_cast<std::size_t>(dims.channels), 0) {}

void PixelStatistics::add(std::span<const std::uint8_t> images) {
  const auto plane = static_cast<std::size_t>(dims_.height) * static_cast<std::size_t>(dims_.width);
  const std::size_t planes = images.size() / plane;
  for (std::size_t p = 0; p < planes; ++p) {
    const std::size_t channel = p % sum_.size();
    std::uint64_t sum = 0, squares = 0;
    for (const std::uint8_t pixel : images.subspan(p * plane, plane)) {
      sum += pixel;
      squares += static_cast<std::uint64_t>(pixel) * pixel;
    }
    sum_[channel] += sum;
    sum_of_squares_[channel] += squares;
  }
  images_ += static_cast<std::int64_t>(planes / sum_.size());
}

std::vector<float> PixelStatistics::mean() const {
  std::vector<float> mean(sum_.size(), 0.f);
  const double pixels = static_cast<double>(images_) * dims_.height * dims_.width;
  if (images_ == 0) return mean;
  for (std::size_t c = 0; c < mean.size(); ++c)
    mean[c] = static_cast<float>(static_cast<double>(sum_[c]) / (255 * pixels));
  return mean;
}

std::vector<float> PixelStatistics::std() const {
  std::vector<float> std(sum_.size(), 1.f / 255);
  const double pixels = static_cast<double>(images_) * dims_.height * dims_.width;
  if (images_ == 0) return std;
  for (std::size_t c = 0; c < std.size(); ++c) {
    // The mean is at most 255, so E[x^2] - mean^2 loses at most 16 of a double's 53 bits.
    const double mean = static_cast<double>(sum_[c]) / pixels;
    const double variance = static_cast<double>(sum_of_squares_[c]) / pixels - mean * mean;
    if (variance > 1e-6) std[c] = static_cast<float>(std::sqrt(variance) / 255);
  }
  return std;
}

}  // namespace cascadecl
