#include "data/import/cifar_python.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/import/array_import.h"
#include "data/import/pickle.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr ImageDims cifar_dims{3, 32, 32};
constexpr std::int64_t images_at_once = 1000, longest_name = 1000;

[[noreturn]] void fail(const fs::path& file, const std::string& problem) {
  throw FileError(fmt::format("{}: {}", file.string(), problem));
}

PickleValue member(const Pickle& pickle, const std::string& key) {
  if (pickle.root().kind != PickleKind::dict) fail(pickle.path(), "is no pickled dict");
  const auto value = pickle.find(pickle.root(), key);
  if (!value) fail(pickle.path(), fmt::format("holds no '{}'", key));
  return *value;
}

std::vector<PickleValue> list(const Pickle& pickle, const std::string& key) {
  const PickleValue value = member(pickle, key);
  if (value.kind != PickleKind::list && value.kind != PickleKind::tuple)
    fail(pickle.path(), fmt::format("'{}' is no list", key));
  const auto items = pickle.items(value);
  return {items.begin(), items.end()};
}

std::vector<std::string> read_names(const PythonCifar::Names& names) {
  const Pickle pickle(names.file);
  ByteReader file(names.file);
  std::vector<std::string> all;
  for (const PickleValue item : list(pickle, names.key)) {
    if (item.kind != PickleKind::text && item.kind != PickleKind::bytes && item.kind != PickleKind::latin1_bytes)
      fail(names.file, fmt::format("name {} of '{}' is no text", all.size(), names.key));
    const Pickle::Range range = pickle.range(item);
    if (range.length < 1 || range.length > longest_name)
      fail(names.file, fmt::format("name {} of '{}' has {} bytes, expected 1 to {}", all.size(), names.key,
                                   range.length, longest_name));
    file.seek(range.offset);
    all.push_back(file.text(range.length));
  }
  if (all.size() < 2) fail(names.file, fmt::format("'{}' holds {} names, expected 2 at least", names.key, all.size()));
  return all;
}

std::vector<std::int32_t> read_labels(const fs::path& file, const std::string& key) {
  const Pickle pickle(file);
  std::vector<std::int32_t> labels;
  for (const PickleValue item : list(pickle, key)) {
    if (item.kind != PickleKind::integer || item.number < 0 || item.number > std::numeric_limits<std::int32_t>::max())
      fail(file, fmt::format("label of image {} in '{}' is no number of a class", labels.size(), key));
    labels.push_back(static_cast<std::int32_t>(item.number));
  }
  return labels;
}

std::int64_t count_images(const Pickle& pickle) {
  const PickleValue data = member(pickle, "data");
  if (data.kind != PickleKind::array) fail(pickle.path(), "'data' is no array");
  const PickleArray& array = pickle.array(data);
  if (array.type != "|u1" || array.shape.size() != 2 || array.shape[1] != cifar_dims.bytes() || array.column_major)
    fail(pickle.path(),
         fmt::format("'data' is of type {} and shape [{}]{}, expected |u1 and [N, {}]", printable(array.type),
                     fmt::join(array.shape, ", "), array.column_major ? " in columns" : "", cifar_dims.bytes()));
  return array.shape[0];
}

void read_images(const fs::path& file, const ArraySplit::Sink& sink) {
  const Pickle pickle(file);
  std::int64_t left = count_images(pickle);
  PickleBytes bytes(pickle, pickle.array(member(pickle, "data")).bytes);
  std::vector<std::uint8_t> piece;
  for (; left > 0; left -= std::min(left, images_at_once)) {
    piece.resize(static_cast<std::size_t>(std::min(left, images_at_once) * cifar_dims.bytes()));
    bytes.read(piece);
    sink(piece);
  }
  bytes.expect_end();
}

ArraySplit split_of(const std::string& name, const std::vector<fs::path>& files, const std::string& key) {
  ArraySplit split{.name = name, .layout = {cifar_dims}, .labels = {}, .read = {}};
  for (const fs::path& file : files) {
    const std::vector<std::int32_t> labels = read_labels(file, key);
    if (const std::int64_t images = count_images(Pickle(file)); images != static_cast<std::int64_t>(labels.size()))
      fail(file, fmt::format("{} labels for {} images", labels.size(), images));
    split.labels.insert(split.labels.end(), labels.begin(), labels.end());
  }
  split.read = [files](const ArraySplit::Sink& sink) {
    for (const fs::path& file : files) read_images(file, sink);
  };
  return split;
}

}  // namespace

void import_python_cifar(const PythonCifar& cifar, const fs::path& target, DatasetWriter::Settings settings) {
  ArrayImport arrays{.name = cifar.name, .label_names = read_names(cifar.names), .dims = {}, .splits = {}};
  arrays.splits.push_back(split_of("train", cifar.train, cifar.labels));
  arrays.splits.push_back(split_of("test", {cifar.test}, cifar.labels));
  import_arrays(cifar.test.parent_path(), std::move(arrays), target, {.storage = settings});
}

}  // namespace cascadecl
