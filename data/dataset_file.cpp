#include "data/dataset_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>

#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t max_side = 1 << 16;
constexpr std::int64_t max_image_bytes = std::int64_t{1} << 28;
constexpr std::int64_t default_block = 64;                        // images read at once from unchunked storage
constexpr std::int64_t max_block_bytes = std::int64_t{64} << 20;  // larger chunks are read in parts

std::string images_of(std::string_view split) { return fmt::format("/{}/images", split); }
std::string labels_of(std::string_view split) { return fmt::format("/{}/labels", split); }

void check_scale(const Hdf5Reader& reader, const char* attribute, const std::vector<float>& values, int channels,
                 bool positive) {
  if (static_cast<int>(values.size()) != channels)
    reader.fail("/", fmt::format("attribute {} has {} values, expected one for each of {} channels", attribute,
                                 values.size(), channels));
  for (const float value : values)
    if (!std::isfinite(value) || (positive && value <= 0))
      reader.fail("/", fmt::format("attribute {} holds {}, expected {}", attribute, value,
                                   positive ? "positive numbers" : "finite numbers"));
}

ImageDims read_dims(const Hdf5Reader& reader, const std::string& split) {
  const Hdf5Shape shape = reader.dataset_info(images_of(split)).shape;
  if (shape.size() != 4)
    reader.fail(images_of(split), fmt::format("has shape {}, expected [N, C, H, W]", to_string(shape)));
  if (shape[0] == 0) reader.fail(images_of(split), "holds no images");
  std::int64_t bytes = 1;
  for (std::size_t i = 1; i < 4; ++i) {
    if (shape[i] < 1 || shape[i] > max_side || (bytes *= shape[i]) > max_image_bytes)
      reader.fail(images_of(split), fmt::format("has shape {}: no usable image size", to_string(shape)));
  }
  return {static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3])};
}

std::vector<std::int32_t> read_labels(const Hdf5Reader& reader, std::string_view split, std::int64_t images,
                                      int classes) {
  std::vector<std::int32_t> labels = reader.read<std::int32_t>(labels_of(split), {images});
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      reader.fail(labels_of(split),
                  fmt::format("label of image {} is {}, expected 0 to {}", i, labels[i], classes - 1));
  return labels;
}

void check_images(const Hdf5Reader& reader, const std::string& split, const Hdf5DatasetInfo& info) {
  if (info.type != "uint8") reader.fail(images_of(split), fmt::format("is of type {}, expected uint8", info.type));
}

// A split of an open file. Blocks of images are decompressed when first wanted and kept, oldest out first, up to a
// limit.
class FileDataset final : public Dataset {
 public:
  FileDataset(Hdf5Reader reader, const DatasetHeader& header, std::string split, std::int64_t limit_bytes);

  const DatasetHeader& header() const override { return header_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::span<const std::int32_t> labels() const override { return labels_; }
  void read(std::span<const std::int64_t> indices, std::uint8_t* images) const override;
  std::int64_t block() const override { return fits_ ? 1 : block_; }

 private:
  using Pixels = std::vector<std::uint8_t>;
  const Pixels& pixels_of(std::int64_t block) const;

  Hdf5Reader reader_;
  DatasetHeader header_;
  std::string split_;
  std::vector<std::int32_t> labels_;
  std::int64_t block_ = default_block;  // images
  std::size_t max_blocks_ = 1;
  bool fits_ = true;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::int64_t, Pixels> kept_;
  mutable std::list<std::int64_t> age_;  // of kept_, oldest first
};

FileDataset::FileDataset(Hdf5Reader reader, const DatasetHeader& header, std::string split, std::int64_t limit_bytes)
    : reader_(std::move(reader)), header_(header), split_(std::move(split)) {
  const Hdf5DatasetInfo info = reader_.dataset_info(images_of(split_));
  check_images(reader_, split_, info);
  labels_ = read_labels(reader_, split_, info.shape[0], header_.classes());
  const std::int64_t bytes = header_.dims.bytes();
  if (!info.chunk.empty()) block_ = info.chunk[0];
  block_ = std::clamp<std::int64_t>(block_, 1, std::max<std::int64_t>(1, max_block_bytes / bytes));
  fits_ = size() * bytes <= limit_bytes;
  max_blocks_ = fits_ ? static_cast<std::size_t>(size() / block_ + 1)
                      : static_cast<std::size_t>(std::max<std::int64_t>(1, limit_bytes / (block_ * bytes)));
  std::vector<std::uint8_t> probe(static_cast<std::size_t>(bytes));  // finds damaged or unjustified storage at once
  reader_.read_rows<std::uint8_t>(images_of(split_), 0, 1, probe);
}

const FileDataset::Pixels& FileDataset::pixels_of(std::int64_t block) const {
  if (const auto found = kept_.find(block); found != kept_.end()) return found->second;
  if (kept_.size() >= max_blocks_) {
    kept_.erase(age_.front());
    age_.pop_front();
  }
  const std::int64_t first = block * block_;
  const std::int64_t count = std::min(block_, size() - first);
  Pixels pixels(static_cast<std::size_t>(count * header_.dims.bytes()));
  reader_.read_rows<std::uint8_t>(images_of(split_), first, count, pixels);
  age_.push_back(block);
  return kept_.emplace(block, std::move(pixels)).first->second;
}

void FileDataset::read(std::span<const std::int64_t> indices, std::uint8_t* images) const {
  const std::lock_guard lock(mutex_);
  const auto bytes = static_cast<std::size_t>(header_.dims.bytes());
  for (const std::int64_t index : indices) {
    const Pixels& pixels = pixels_of(index / block_);
    std::memcpy(images, pixels.data() + static_cast<std::size_t>(index % block_) * bytes, bytes);
    images += bytes;
  }
}

}  // namespace

bool is_split_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

DataSpec parse_data_spec(std::string_view text) {
  if (text.empty()) throw UsageError("--data: expected FILE or FILE:split");
  const auto colon = text.rfind(':');
  std::error_code ignored;
  if (colon == std::string_view::npos || fs::exists(fs::path(text), ignored)) return {fs::path(text), ""};
  DataSpec spec{fs::path(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  if (spec.file.empty()) throw UsageError(fmt::format("--data {}: no file before the colon", text));
  if (!is_split_name(spec.split))
    throw UsageError(fmt::format("--data {}: expected the name of a split after the colon, like train", text));
  return spec;
}

DatasetOutline read_outline(const Hdf5Reader& reader) {
  DatasetOutline outline;
  if (!reader.has_attribute("/", "format_version"))
    reader.fail("/", "no attribute format_version: not a dataset file of cascadecl");
  if (const auto version = reader.int_attribute("/", "format_version"); version != dataset_format_version)
    reader.fail("/", fmt::format("format_version {}, expected {}", version, dataset_format_version));
  for (const std::string& child : reader.children("/"))
    if (!reader.has_dataset("/" + child)) outline.splits.push_back(child);
  if (outline.splits.empty()) reader.fail("/", "no split (a group like /train): not a dataset file of cascadecl");

  DatasetHeader& header = outline.header;
  header.name = reader.string_attribute("/", "name");
  header.label_names = reader.string_list_attribute("/", "label_names");
  if (header.label_names.empty()) reader.fail("/", "attribute label_names is empty, expected a name for each class");
  header.color_order = reader.string_attribute("/", "color_order");
  if (!is_color_order(header.color_order))
    reader.fail("/", fmt::format("color_order '{}', expected RGB, BGR, gray or none", header.color_order));
  header.dims = read_dims(reader, outline.splits.front());
  for (const std::string& split : outline.splits)
    if (const ImageDims dims = read_dims(reader, split); dims != header.dims)
      reader.fail(images_of(split),
                  fmt::format("has images of another size than {}", images_of(outline.splits.front())));
  header.mean = reader.float_list_attribute("/", "mean");
  header.std = reader.float_list_attribute("/", "std");
  check_scale(reader, "mean", header.mean, header.dims.channels, false);
  check_scale(reader, "std", header.std, header.dims.channels, true);
  return outline;
}

std::unique_ptr<Dataset> open_dataset(const fs::path& file, std::string_view split, DatasetMemory memory) {
  Hdf5Reader reader(file);
  const DatasetOutline outline = read_outline(reader);
  if (std::find(outline.splits.begin(), outline.splits.end(), split) == outline.splits.end())
    reader.fail(fmt::format("/{}", split), fmt::format("no such split, there is {}", fmt::join(outline.splits, ", ")));
  return std::make_unique<FileDataset>(std::move(reader), outline.header, std::string(split), memory.limit_bytes);
}

DatasetFacts describe_dataset(const fs::path& file) {
  const Hdf5Reader reader(file);
  const DatasetOutline outline = read_outline(reader);
  DatasetFacts facts{.header = outline.header, .splits = {}, .file_bytes = reader.file_bytes()};
  for (const std::string& name : outline.splits) {
    const Hdf5DatasetInfo info = reader.dataset_info(images_of(name));
    check_images(reader, name, info);
    DatasetFacts::Split split{.name = name,
                              .images = info.shape[0],
                              .per_class = std::vector<std::int64_t>(outline.header.label_names.size(), 0),
                              .chunk_images = info.chunk.empty() ? 0 : info.chunk[0],
                              .filters = info.filters,
                              .stored_bytes = info.stored_bytes};
    for (const std::int32_t label : read_labels(reader, name, split.images, outline.header.classes()))
      ++split.per_class[static_cast<std::size_t>(label)];
    facts.splits.push_back(std::move(split));
  }
  return facts;
}

}  // namespace cascadecl
