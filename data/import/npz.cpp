#include "data/import/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "data/files/archive.h"
#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/import/npy.h"
#include "data/import/numpy_integers.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t largest_side = 4096, most_images = 100'000'000;
constexpr std::size_t images_at_once = 256;

struct Names {
  const char *split, *images, *labels;
};
constexpr std::array pairs = {
    Names{"train", "x_train", "y_train"},     Names{"val", "x_val", "y_val"},
    Names{"test", "x_test", "y_test"},        Names{"train", "train_images", "train_labels"},
    Names{"val", "val_images", "val_labels"}, Names{"test", "test_images", "test_labels"},
    Names{"train", "images", "labels"},
};

// What the file holds: the heads of images, and labels.
struct Contents {
  struct Images {
    std::int64_t count;
    ArrayLayout layout;
  };
  std::map<std::string, Images> images;
  std::map<std::string, std::vector<std::int32_t>> labels;
};

std::string shape_text(const NpyHeader& header) { return fmt::format("[{}]", fmt::join(header.shape, ", ")); }

bool may_be_channels(std::int64_t size) { return size == 1 || size == 3; }

ArrayLayout layout_of(const Archive& archive, const NpyHeader& header) {
  std::vector<std::int64_t> shape = header.shape;
  if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
  if (header.type != "|u1" || header.column_major || shape.size() != 4)
    archive.fail(
        fmt::format("images of type {} and shape {}{}, expected uint8 (|u1) and [N, H, W], [N, H, W, C] or "
                    "[N, C, H, W]",
                    printable(header.type), shape_text(header), header.column_major ? " in columns" : ""));
  const bool first = may_be_channels(shape[1]), last = may_be_channels(shape[3]) && header.shape.size() == 4;
  if (!first && !last) archive.fail(fmt::format("images of shape {}: expected 1 or 3 channels", shape_text(header)));
  if (first && last)
    archive.fail(
        fmt::format("images of shape {}: the second and the last axis may be the channels", shape_text(header)));
  if (!first) std::rotate(shape.begin() + 1, shape.begin() + 3, shape.end());
  if (shape[0] < 1 || shape[0] > most_images || shape[2] < 1 || shape[3] < 1 || shape[2] > largest_side ||
      shape[3] > largest_side)
    archive.fail(fmt::format("images of shape {}: expected 1 image at least, and sides of 1 to {}", shape_text(header),
                             largest_side));
  return {{static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3])}, !first};
}

std::vector<std::int32_t> read_labels(Archive& archive) {
  const NpyHeader header = read_npy_header(archive);
  const auto integers = NumpyIntegers::of(header.type);
  const bool column = header.shape.size() == 2 && header.shape[1] == 1;
  if (!integers || !(header.shape.size() == 1 || column) || header.shape[0] > most_images)
    archive.fail(fmt::format("labels of type {} and shape {}, expected whole numbers and [N] or [N, 1]",
                             printable(header.type), shape_text(header)));
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> raw(integers->bytes());
  for (std::int64_t i = 0; i < header.shape[0]; ++i) {
    archive.read_exactly(raw);
    const std::int64_t label = integers->value(raw.data());
    if (label < 0 || label > most_images)
      archive.fail(fmt::format("label of image {} is {}, expected 0 or more", i, label));
    labels.push_back(static_cast<std::int32_t>(label));
  }
  archive.expect_end();
  return labels;
}

Contents contents_of(const fs::path& file) {
  Contents contents;
  Archive archive(file, Archive::Format::zip);
  while (archive.next()) {
    for (const Names& names : pairs) {
      if (archive.name() == fmt::format("{}.npy", names.images)) {
        const NpyHeader header = read_npy_header(archive);
        const ArrayLayout layout = layout_of(archive, header);
        contents.images.insert_or_assign(names.images, Contents::Images{header.shape[0], layout});
      } else if (archive.name() == fmt::format("{}.npy", names.labels)) {
        contents.labels.insert_or_assign(names.labels, read_labels(archive));
      }
    }
  }
  return contents;
}

void read_images(const fs::path& file, const std::string& array, const Contents::Images& expected,
                 const ArraySplit::Sink& sink) {
  const auto bytes = static_cast<std::size_t>(expected.layout.dims.bytes());
  Archive archive(file, Archive::Format::zip);
  while (archive.next()) {
    if (archive.name() != array + ".npy") continue;
    const NpyHeader header = read_npy_header(archive);
    if (header.shape.empty() || header.shape[0] != expected.count ||
        layout_of(archive, header).dims != expected.layout.dims)
      archive.fail("is there twice, with different shapes");
    std::vector<std::uint8_t> piece;
    for (auto left = static_cast<std::size_t>(expected.count); left > 0; left -= piece.size() / bytes) {
      piece.resize(std::min(left, images_at_once) * bytes);
      archive.read_exactly(piece);
      sink(piece);
    }
    return archive.expect_end();
  }
}

}  // namespace

void import_npz(const fs::path& file, const std::vector<std::string>& label_names, std::optional<ImageDims> dims,
                const fs::path& target, const ImportSettings& settings) {
  Contents contents = contents_of(file);
  ArrayImport arrays{.name = file.stem().string(), .label_names = label_names, .dims = dims, .splits = {}};
  for (const Names& names : pairs) {
    const auto images = contents.images.find(names.images);
    const auto labels = contents.labels.find(names.labels);
    if (images == contents.images.end() && labels == contents.labels.end()) continue;
    const auto fail = [&](const std::string& problem) {
      throw FileError(fmt::format("{}: {}", file.string(), problem));
    };
    if (images == contents.images.end()) fail(fmt::format("holds {}, but no {}", names.labels, names.images));
    if (labels == contents.labels.end()) fail(fmt::format("holds {}, but no {}", names.images, names.labels));
    if (std::ranges::find(arrays.splits, names.split, &ArraySplit::name) != arrays.splits.end())
      fail(fmt::format("holds images of the split {} under two names, {} is one", names.split, names.images));
    if (images->second.count != static_cast<std::int64_t>(labels->second.size()))
      fail(fmt::format("{} has {} images, {} has {} labels", names.images, images->second.count, names.labels,
                       labels->second.size()));
    arrays.splits.push_back({.name = names.split,
                             .layout = images->second.layout,
                             .labels = std::move(labels->second),
                             .read = [file, array = std::string(names.images), head = images->second](
                                         const ArraySplit::Sink& sink) { read_images(file, array, head, sink); }});
  }
  if (arrays.splits.empty())
    throw FileError(fmt::format("{}: holds none of x_train, train_images and images", file.string()));
  import_arrays(file, std::move(arrays), target, settings);
}

}  // namespace cascadecl
