#include "data/dataset_writer.h"

#include <fmt/format.h>

#include "data/dataset_file.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

std::string images_of(std::string_view split) { return fmt::format("/{}/images", split); }
std::string labels_of(std::string_view split) { return fmt::format("/{}/labels", split); }

}  // namespace

DatasetWriter::DatasetWriter(const fs::path& target, DatasetHeader header, Settings settings)
    : header_(std::move(header)), settings_(settings), file_(target), train_(header_.dims), all_(header_.dims) {}

void DatasetWriter::begin_split(std::string_view name, std::int64_t images) {
  end_split();
  if (!is_split_name(name)) throw UsageError(fmt::format("split '{}': expected letters, digits, _ or -", name));
  if (images <= 0) throw UsageError(fmt::format("split {}: {} images, expected at least 1", name, images));
  split_ = name;
  split_size_ = images;
  file_.create_dataset<std::uint8_t>(images_of(split_),
                                     {images, header_.dims.channels, header_.dims.height, header_.dims.width},
                                     {.chunk_rows = settings_.chunk_images, .deflate = settings_.deflate});
}

void DatasetWriter::append(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels) {
  const auto count = static_cast<std::int64_t>(labels.size());
  if (static_cast<std::int64_t>(images.size()) != count * header_.dims.bytes())
    throw ShapeError(fmt::format("split {}: {} bytes of images for {} labels", split_, images.size(), count));
  if (static_cast<std::int64_t>(labels_.size()) + count > split_size_ - skipped_)
    throw ShapeError(fmt::format("split {}: more than the {} images announced", split_, split_size_ - skipped_));
  for (const std::int32_t label : labels)
    if (label < 0 || label >= header_.classes())
      throw ShapeError(fmt::format("split {}: label {}, expected 0 to {}", split_, label, header_.classes() - 1));
  (split_ == "train" ? train_ : all_).add(images);
  images_.insert(images_.end(), images.begin(), images.end());
  labels_.insert(labels_.end(), labels.begin(), labels.end());
  write_chunks(false);
}

// Writes whole chunks and keeps the rest, unless all is to be written. A chunk written twice would be compressed twice.
void DatasetWriter::write_chunks(bool all) {
  const std::int64_t bytes = header_.dims.bytes();
  std::int64_t count = static_cast<std::int64_t>(images_.size()) / bytes;
  if (!all) count -= count % settings_.chunk_images;
  if (count == 0) return;
  const auto size = static_cast<std::size_t>(count * bytes);
  file_.write_rows<std::uint8_t>(images_of(split_), written_, std::span(images_).first(size));
  images_.erase(images_.begin(), images_.begin() + static_cast<std::ptrdiff_t>(size));
  written_ += count;
}

void DatasetWriter::skip() {
  if (split_size_ - skipped_ == 1) throw ShapeError(fmt::format("split {}: no image is left", split_));
  ++skipped_;
}

void DatasetWriter::end_split() {
  if (split_.empty()) return;
  if (skipped_ > 0) file_.keep_rows(images_of(split_), split_size_ -= skipped_);
  if (static_cast<std::int64_t>(labels_.size()) != split_size_)
    throw ShapeError(
        fmt::format("split {}: {} images, expected the {} announced", split_, labels_.size(), split_size_));
  write_chunks(true);
  file_.write(labels_of(split_), {split_size_}, labels_);
  split_.clear();
  labels_.clear();
  written_ = skipped_ = 0;
}

void DatasetWriter::commit() {
  end_split();
  const PixelStatistics& statistics = train_.images() > 0 ? train_ : all_;
  if (header_.mean.empty()) header_.mean = statistics.mean();
  if (header_.std.empty()) header_.std = statistics.std();
  file_.write_attribute("/", "format_version", dataset_format_version);
  file_.write_attribute("/", "name", header_.name);
  file_.write_attribute("/", "label_names", header_.label_names);
  file_.write_attribute("/", "mean", header_.mean);
  file_.write_attribute("/", "std", header_.std);
  file_.write_attribute("/", "color_order", header_.color_order);
  file_.commit();
}

}  // namespace cascadecl
