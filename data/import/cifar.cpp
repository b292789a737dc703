#include "data/import/cifar.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr ImageDims cifar_dims{3, 32, 32};
constexpr std::int64_t records_at_once = 1000;
constexpr std::uintmax_t max_names_bytes = 1 << 20;

// How a published file is laid out: a record is label_bytes bytes, of which one is the class, and the pixels.
struct RecordFormat {
  int label_bytes, class_byte, classes;
  std::int64_t bytes() const { return label_bytes + cifar_dims.bytes(); }
};

void check_regular(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) throw FileError(fmt::format("{}: no such file", file.string()));
  if (!fs::is_regular_file(status)) throw FileError(fmt::format("{}: not a regular file", file.string()));
}

std::vector<std::string> read_names(const fs::path& file, int classes) {
  check_regular(file);
  if (fs::file_size(file) > max_names_bytes)
    throw FileError(fmt::format("{}: {} bytes, expected a short list of names", file.string(), fs::file_size(file)));
  std::ifstream in(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    line.resize(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) names.push_back(line);
  }
  if (static_cast<int>(names.size()) != classes)
    throw FileError(fmt::format("{}: {} class names, expected {}", file.string(), names.size(), classes));
  return names;
}

std::int64_t count_records(const fs::path& file, const RecordFormat& format) {
  check_regular(file);
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

void check_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw FileError(fmt::format("{}: no such folder", folder.string()));
}

}  // namespace

Cifar100Labels parse_cifar100_labels(std::string_view text) {
  if (text == "fine") return Cifar100Labels::fine;
  if (text == "coarse") return Cifar100Labels::coarse;
  throw UsageError(fmt::format("labels '{}': expected fine or coarse", text));
}

void import_cifar10(const fs::path& folder, const fs::path& target, DatasetWriter::Settings settings) {
  check_folder(folder);
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

void import_cifar100(const fs::path& folder, Cifar100Labels labels, const fs::path& target,
                     DatasetWriter::Settings settings) {
  check_folder(folder);
  const bool fine = labels == Cifar100Labels::fine;
  const RecordFormat format{.label_bytes = 2, .class_byte = fine ? 1 : 0, .classes = fine ? 100 : 20};
  DatasetHeader header{.name = fine ? "CIFAR-100" : "CIFAR-100 coarse", .dims = cifar_dims};
  header.label_names = read_names(folder / (fine ? "fine_label_names.txt" : "coarse_label_names.txt"), format.classes);
  count_records(folder / "test.bin", format);
  DatasetWriter writer(target, std::move(header), settings);
  append_split(writer, "train", {folder / "train.bin"}, format);
  append_split(writer, "test", {folder / "test.bin"}, format);
  writer.commit();
}

}  // namespace cascadecl
