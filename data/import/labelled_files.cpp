#include "data/import/labelled_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "data/files/error.h"
#include "data/import/network_image.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_at_once = 256;
constexpr int largest_side = 4096;

LabelledFiles::Split part_of(const LabelledFiles::Split& all, const std::vector<std::int64_t>& numbers) {
  LabelledFiles::Split part;
  for (const std::int64_t number : numbers) {
    part.files.push_back(all.files[static_cast<std::size_t>(number)]);
    part.labels.push_back(all.labels[static_cast<std::size_t>(number)]);
  }
  return part;
}

void split_test(const fs::path& source, LabelledFiles& files, const ImportSettings& settings) {
  std::vector<std::string> names;
  for (const auto& [name, split] : files.splits) names.push_back(name);
  check_test_share(source, names);
  LabelledFiles::Split& train = files.splits["train"];
  const TestSplit parts = split_test(source, train.labels, settings);
  files.splits["test"] = part_of(train, parts.test);
  train = part_of(train, parts.train);
}

class Import {
 public:
  Import(const fs::path& source, const LabelledFiles& files, const fs::path& target, const ImageFilesSettings& settings)
      : source_(source),
        settings_(settings),
        writer_(target,
                {.name = files.name,
                 .dims = settings.dims,
                 .label_names = files.label_names,
                 .color_order = settings.dims.channels == 3 ? "RGB" : "gray"},
                settings.common.storage) {
    for (const auto& [name, split] : files.splits) total_ += static_cast<std::int64_t>(split.files.size());
  }

  void add_split(const std::string& name, const LabelledFiles::Split& split) {
    const std::span<const fs::path> files = split.files;
    std::int64_t left = static_cast<std::int64_t>(files.size());
    writer_.begin_split(name, left);
    for (std::size_t first = 0; first < files.size(); first += files_at_once) {
      const auto piece = files.subspan(first, std::min(files_at_once, files.size() - first));
      const std::vector<NetworkImage> read = read_network_images(piece, settings_.dims, settings_.threads);
      for (std::size_t i = 0; i < piece.size(); ++i) {
        if (read[i].problem.empty()) {
          writer_.append(read[i].pixels, std::span(&split.labels[first + i], 1));
        } else {
          skip(name, piece[i], read[i].problem, --left);
        }
      }
      done_ += static_cast<std::int64_t>(piece.size());
      if (settings_.progress) settings_.progress(done_, total_);
    }
  }

  ImportedFiles commit() {
    writer_.commit();
    result_.images = total_ - static_cast<std::int64_t>(result_.skipped.size());
    return std::move(result_);
  }

 private:
  void skip(const std::string& split, const fs::path& file, const std::string& problem, std::int64_t left) {
    if (settings_.strict) throw FileError(problem);
    if (left == 0)
      throw FileError(
          fmt::format("{}: no image of split {} can be read; the last: {}", source_.string(), split, problem));
    writer_.skip();
    result_.skipped.push_back({file, problem});
  }

  const fs::path& source_;
  const ImageFilesSettings& settings_;
  DatasetWriter writer_;
  ImportedFiles result_;
  std::int64_t done_ = 0, total_ = 0;
};

}  // namespace

void check_image_dims(ImageDims dims) {
  const bool good = (dims.channels == 1 || dims.channels == 3) && dims.height >= 1 && dims.height <= largest_side &&
                    dims.width >= 1 && dims.width <= largest_side;
  if (!good)
    throw UsageError(fmt::format("image size {}x{}x{}: expected 1 or 3 channels and sides of 1 to {} pixels",
                                 dims.channels, dims.height, dims.width, largest_side));
}

ImportedFiles import_labelled_files(const fs::path& source, LabelledFiles files, const fs::path& target,
                                    const ImageFilesSettings& settings) {
  check_image_dims(settings.dims);
  if (settings.common.test_share > 0) split_test(source, files, settings.common);
  Import import(source, files, target, settings);
  for (const auto& [name, split] : files.splits) import.add_split(name, split);
  return import.commit();
}

}  // namespace cascadecl
