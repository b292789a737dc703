#include "data/import/imagenet_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "data/files/archive.h"
#include "data/files/error.h"
#include "data/import/npy.h"
#include "data/import/numpy_integers.h"
#include "data/import/pickle.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t classes = 1000, images_at_once = 4096;
constexpr std::int64_t most_images = 2'000'000;  // in one file; the whole ImageNet has 1,281,167 to train

[[noreturn]] void fail(const fs::path& file, const std::string& problem) {
  throw FileError(fmt::format("{}: {}", file.string(), problem));
}

void check_data(const fs::path& file, const std::string& type, const std::vector<std::int64_t>& shape,
                bool column_major) {
  if (type != "|u1" || shape.size() != 2 || shape[0] < 1 || shape[0] > most_images ||
      shape[1] != imagenet_image_bytes || column_major)
    fail(file, fmt::format("data is of type {} and shape [{}]{}, expected |u1 and [N, {}]", printable(type),
                           fmt::join(shape, ", "), column_major ? " in columns" : "", imagenet_image_bytes));
}

std::int32_t checked_label(const fs::path& file, std::size_t image, std::int64_t label) {
  if (label < 1 || label > classes)
    fail(file, fmt::format("label of image {} is {}, expected 1 to {}", image, label, classes));
  return static_cast<std::int32_t>(label - 1);
}

void check_count(const fs::path& file, std::int64_t images, std::int64_t labels) {
  if (images != labels) fail(file, fmt::format("{} labels for {} images", labels, images));
}

// `read` fills a span with the array's next bytes.
template <typename Read>
std::vector<std::int32_t> labels_of_array(const fs::path& file, const std::string& type,
                                          const std::vector<std::int64_t>& shape, Read read) {
  if (shape.size() != 1 || shape[0] > most_images)
    fail(file, fmt::format("labels have shape [{}], expected [N]", fmt::join(shape, ", ")));
  const auto integers = NumpyIntegers::of(type);
  if (!integers) fail(file, fmt::format("labels are of type {}, expected whole numbers", printable(type)));
  std::vector<std::uint8_t> raw(static_cast<std::size_t>(shape[0]) * integers->bytes());
  read(std::span(raw));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(shape[0]));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = checked_label(file, i, integers->value(raw.data() + i * integers->bytes()));
  return labels;
}

template <typename Read>
void read_in_pieces(std::int64_t images, const ImageSink& sink, Read read) {
  std::vector<std::uint8_t> pixels;
  for (std::int64_t first = 0; first < images; first += images_at_once) {
    pixels.resize(static_cast<std::size_t>(std::min(images_at_once, images - first) * imagenet_image_bytes));
    read(std::span(pixels));
    sink(pixels);
  }
}

// The pickled form.
PickleValue member(const Pickle& pickle, std::string_view key) {
  const std::optional<PickleValue> value = pickle.find(pickle.root(), key);
  if (!value) fail(pickle.path(), fmt::format("holds no '{}'", key));
  return *value;
}

std::vector<std::int32_t> pickled_labels(const Pickle& pickle) {
  const PickleValue labels = member(pickle, "labels");
  if (labels.kind == PickleKind::array) {
    const PickleArray& array = pickle.array(labels);
    PickleBytes bytes(pickle, array.bytes);
    return labels_of_array(pickle.path(), array.type, array.shape, [&](auto out) { bytes.read(out); });
  }
  std::vector<std::int32_t> numbers;
  for (const PickleValue label : pickle.items(labels)) {
    if (label.kind != PickleKind::integer)
      fail(pickle.path(), fmt::format("label of image {} is no whole number", numbers.size()));
    numbers.push_back(checked_label(pickle.path(), numbers.size(), label.number));
  }
  return numbers;
}

std::vector<std::int32_t> read_pickled_labels(const fs::path& file) {
  const Pickle pickle(file);
  const PickleArray& data = pickle.array(member(pickle, "data"));
  check_data(file, data.type, data.shape, data.column_major);
  std::vector<std::int32_t> labels = pickled_labels(pickle);
  check_count(file, data.shape[0], static_cast<std::int64_t>(labels.size()));
  return labels;
}

void read_pickled_images(const fs::path& file, std::int64_t images, const ImageSink& sink) {
  const Pickle pickle(file);
  const PickleArray& data = pickle.array(member(pickle, "data"));
  check_data(file, data.type, data.shape, data.column_major);
  check_count(file, data.shape[0], images);
  PickleBytes bytes(pickle, data.bytes);
  read_in_pieces(images, sink, [&](auto out) { bytes.read(out); });
  bytes.expect_end();
}

// The .npz form: a zip of data.npy and labels.npy, in any order.
std::vector<std::int32_t> read_zipped_labels(const fs::path& file) {
  Archive archive(file, Archive::Format::zip);
  std::optional<std::int64_t> images;
  std::optional<std::vector<std::int32_t>> labels;
  while (archive.next()) {
    if (archive.name() == "data.npy") {
      const NpyHeader header = read_npy_header(archive);
      check_data(file, header.type, header.shape, header.column_major);
      images = header.shape[0];
    } else if (archive.name() == "labels.npy") {
      const NpyHeader header = read_npy_header(archive);
      labels = labels_of_array(file, header.type, header.shape, [&](auto out) { archive.read_exactly(out); });
      archive.expect_end();
    }
  }
  if (!images) fail(file, "holds no data.npy");
  if (!labels) fail(file, "holds no labels.npy");
  check_count(file, *images, static_cast<std::int64_t>(labels->size()));
  return *labels;
}

void read_zipped_images(const fs::path& file, std::int64_t images, const ImageSink& sink) {
  Archive archive(file, Archive::Format::zip);
  while (archive.next()) {
    if (archive.name() != "data.npy") continue;
    const NpyHeader header = read_npy_header(archive);
    check_data(file, header.type, header.shape, header.column_major);
    check_count(file, header.shape[0], images);
    read_in_pieces(images, sink, [&](auto out) { archive.read_exactly(out); });
    return archive.expect_end();
  }
  fail(file, "holds no data.npy");
}

bool is_zipped(const fs::path& file) { return file.extension() == ".npz"; }

}  // namespace

std::vector<std::int32_t> read_imagenet_labels(const fs::path& file) {
  return is_zipped(file) ? read_zipped_labels(file) : read_pickled_labels(file);
}

void read_imagenet_images(const fs::path& file, std::int64_t images, const ImageSink& sink) {
  return is_zipped(file) ? read_zipped_images(file, images, sink) : read_pickled_images(file, images, sink);
}

}  // namespace cascadecl
