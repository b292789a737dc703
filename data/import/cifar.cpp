#include "data/import/cifar.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "data/files/unpacked_folder.h"
#include "data/import/cifar_python.h"
#include "data/import/name_list.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr ImageDims cifar_dims{3, 32, 32};
constexpr std::int64_t records_at_once = 1000;

// How a published file is laid out: a record is label_bytes bytes, of which one is the class, and the pixels.
struct RecordFormat {
  int label_bytes, class_byte, classes;
  std::int64_t bytes() const { return label_bytes + cifar_dims.bytes(); }
};

std::vector<std::string> read_names(const fs::path& file, int classes) {
  std::vector<std::string> names = read_name_list(file);
  if (static_cast<int>(names.size()) != classes)
    throw FileError(fmt::format("{}: {} class names, expected {}", file.string(), names.size(), classes));
  return names;
}

std::int64_t count_records(const fs::path& file, const RecordFormat& format) {
  check_regular_file(file);
  const auto bytes = static_cast<std::int64_t>(fs::file_size(file));
  if (bytes == 0 || bytes % format.bytes() != 0)
    throw FileError(fmt::format("{}: {} bytes, expected a multiple of {} (records of {} label and {} pixel bytes)",
                                file.string(), bytes, format.bytes(), format.label_bytes, cifar_dims.bytes()));
  return bytes / format.bytes();
}

void append_file(DatasetWriter& writer, const fs::path& file, const RecordFormat& format) {
  const std::int64_t records = count_records(file, format);
  std::ifstream in(file, std::ios::binary);
  std::vector<char> raw;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  for (std::int64_t first = 0; first < records; first += records_at_once) {
    const std::int64_t count = std::min(records_at_once, records - first);
    raw.resize(static_cast<std::size_t>(count * format.bytes()));
    if (!in.read(raw.data(), static_cast<std::streamsize>(raw.size())))
      throw FileError(fmt::format("{}: cannot read records {} to {}", file.string(), first, first + count));
    images.clear();
    labels.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      const char* record = raw.data() + i * format.bytes();
      const int label = static_cast<std::uint8_t>(record[format.class_byte]);
      if (label >= format.classes)
        throw FileError(fmt::format("{}: label of record {} is {}, expected 0 to {}", file.string(), first + i, label,
                                    format.classes - 1));
      labels.push_back(label);
      images.insert(images.end(), record + format.label_bytes, record + format.bytes());
    }
    writer.append(images, labels);
  }
}

void append_split(DatasetWriter& writer, std::string_view split, const std::vector<fs::path>& files,
                  const RecordFormat& format) {
  std::int64_t records = 0;
  for (const fs::path& file : files) records += count_records(file, format);
  writer.begin_split(split, records);
  for (const fs::path& file : files) append_file(writer, file, format);
}

// The files of both versions, as their archives hold them.
const std::set<std::string> cifar10_files = {
    "batches.meta.txt", "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",   "batches.meta",     "data_batch_1",     "data_batch_2",
    "data_batch_3",     "data_batch_4",     "data_batch_5",     "test_batch"};
const std::set<std::string> cifar100_files = {
    "coarse_label_names.txt", "fine_label_names.txt", "train.bin", "test.bin", "meta", "train", "test"};

// Calls import(folder): with `source`, or with what it holds if it is an archive.
template <typename Import>
void import_from(const fs::path& source, const std::set<std::string>& files, const fs::path& target, Import import) {
  std::error_code error;
  if (fs::is_directory(source, error)) return import(source);
  if (!fs::is_regular_file(source, error))
    throw FileError(fmt::format("{}: no such folder or archive (.tar.gz)", source.string()));
  { AtomicFile writable(target); }  // tells that the target cannot be written, before the long part
  const UnpackedFolder unpacked(source, files, fs::absolute(target).parent_path());
  if (unpacked.missing().size() == files.size())
    throw FileError(fmt::format("{}: holds no {}", source.string(), *files.begin()));
  import(unpacked.path());
}

bool is_python_version(const fs::path& folder, const char* names) {
  std::error_code error;
  return fs::is_regular_file(folder / names, error);
}

void import_binary_cifar10(const fs::path& folder, const fs::path& target, DatasetWriter::Settings settings) {
  const RecordFormat format{.label_bytes = 1, .class_byte = 0, .classes = 10};
  DatasetHeader header{.name = "CIFAR-10", .dims = cifar_dims};
  header.label_names = read_names(folder / "batches.meta.txt", format.classes);
  std::vector<fs::path> batches;
  for (int i = 1; i <= 5; ++i) batches.push_back(folder / fmt::format("data_batch_{}.bin", i));
  count_records(folder / "test_batch.bin", format);  // tells a missing file before the long part
  DatasetWriter writer(target, std::move(header), settings);
  append_split(writer, "train", batches, format);
  append_split(writer, "test", {folder / "test_batch.bin"}, format);
  writer.commit();
}

void import_binary_cifar100(const fs::path& folder, bool fine, const std::string& name, const fs::path& target,
                            DatasetWriter::Settings settings) {
  const RecordFormat format{.label_bytes = 2, .class_byte = fine ? 1 : 0, .classes = fine ? 100 : 20};
  DatasetHeader header{.name = name, .dims = cifar_dims};
  header.label_names = read_names(folder / (fine ? "fine_label_names.txt" : "coarse_label_names.txt"), format.classes);
  count_records(folder / "test.bin", format);
  DatasetWriter writer(target, std::move(header), settings);
  append_split(writer, "train", {folder / "train.bin"}, format);
  append_split(writer, "test", {folder / "test.bin"}, format);
  writer.commit();
}

}  // namespace

Cifar100Labels parse_cifar100_labels(std::string_view text) {
  if (text == "fine") return Cifar100Labels::fine;
  if (text == "coarse") return Cifar100Labels::coarse;
  throw UsageError(fmt::format("labels '{}': expected fine or coarse", text));
}

void import_cifar10(const fs::path& source, const fs::path& target, DatasetWriter::Settings settings) {
  import_from(source, cifar10_files, target, [&](const fs::path& folder) {
    if (!is_python_version(folder, "batches.meta")) return import_binary_cifar10(folder, target, settings);
    std::vector<fs::path> batches;
    for (int i = 1; i <= 5; ++i) batches.push_back(folder / fmt::format("data_batch_{}", i));
    import_python_cifar({.name = "CIFAR-10",
                         .names = {folder / "batches.meta", "label_names"},
                         .labels = "labels",
                         .train = batches,
                         .test = folder / "test_batch"},
                        target, settings);
  });
}

void import_cifar100(const fs::path& source, Cifar100Labels labels, const fs::path& target,
                     DatasetWriter::Settings settings) {
  const bool fine = labels == Cifar100Labels::fine;
  const std::string name = fine ? "CIFAR-100" : "CIFAR-100 coarse", key = fine ? "fine" : "coarse";
  import_from(source, cifar100_files, target, [&](const fs::path& folder) {
    if (!is_python_version(folder, "meta")) return import_binary_cifar100(folder, fine, name, target, settings);
    import_python_cifar({.name = name,
                         .names = {folder / "meta", key + "_label_names"},
                         .labels = key + "_labels",
                         .train = {folder / "train"},
                         .test = folder / "test"},
                        target, settings);
  });
}

}  // namespace cascadecl
