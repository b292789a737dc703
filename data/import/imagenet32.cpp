#include "data/import/imagenet32.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "data/files/error.h"
#include "data/import/imagenet_batch.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr ImageDims dims{3, 32, 32};
constexpr std::size_t classes = 1000;
constexpr std::uintmax_t max_names_bytes = 1 << 20;

std::vector<std::string> read_names(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error) || fs::file_size(file, error) > max_names_bytes)
    throw FileError(fmt::format("{}: expected a short file of class names", file.string()));
  std::vector<std::string> names(classes);
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string synset, name;
    std::size_t number = 0;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (!(words >> synset >> number >> name) || number < 1 || number > classes)
      throw FileError(
          fmt::format("{}: a line is not 'SYNSET NUMBER NAME' with a number of 1 to {}", file.string(), classes));
    names[number - 1] = name;
  }
  const auto missing = std::find(names.begin(), names.end(), "");
  if (missing != names.end())
    throw FileError(fmt::format("{}: class {} has no name", file.string(), missing - names.begin() + 1));
  return names;
}

std::vector<std::string> class_names(const fs::path& folder) {
  const fs::path file = folder / "map_clsloc.txt";
  std::error_code error;
  if (fs::exists(file, error)) return read_names(file);
  std::vector<std::string> names;
  for (std::size_t k = 1; k <= classes; ++k) names.push_back(std::to_string(k));
  return names;
}

fs::path batch_file(const fs::path& folder, const std::string& name) {
  std::error_code error;
  for (const char* ending : {"", ".npz"})
    if (fs::exists(folder / (name + ending), error)) return folder / (name + ending);
  throw FileError(fmt::format("{}: no such file, nor {}.npz", (folder / name).string(), name));
}

using Labels = std::vector<std::int32_t>;

void append_split(DatasetWriter& writer, std::string_view split, const std::vector<fs::path>& files) {
  std::vector<Labels> labels;
  std::int64_t images = 0;
  for (const fs::path& file : files) {
    labels.push_back(read_imagenet_labels(file));
    images += static_cast<std::int64_t>(labels.back().size());
  }
  writer.begin_split(split, images);
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::span<const std::int32_t> left(labels[i]);
    read_imagenet_images(files[i], static_cast<std::int64_t>(left.size()), [&](std::span<const std::uint8_t> pixels) {
      const std::size_t count = pixels.size() / static_cast<std::size_t>(imagenet_image_bytes);
      writer.append(pixels, left.first(count));
      left = left.subspan(count);
    });
  }
}

}  // namespace

void import_imagenet32(const fs::path& folder, const fs::path& target, DatasetWriter::Settings settings) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw FileError(fmt::format("{}: no such folder", folder.string()));
  std::vector<fs::path> train;
  for (int i = 1; i <= 10; ++i) train.push_back(batch_file(folder, fmt::format("train_data_batch_{}", i)));
  const fs::path test = batch_file(folder, "val_data");
  read_imagenet_labels(test);  // tells what is wrong before the long part
  DatasetWriter writer(target, {.name = "ImageNet32x32", .dims = dims, .label_names = class_names(folder)}, settings);
  append_split(writer, "train", train);
  append_split(writer, "test", {test});
  writer.commit();
}

}  // namespace cascadecl
