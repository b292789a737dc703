#include "data/import/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <string_view>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/import/image_paths.h"
#include "data/import/network_image.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_at_once = 256;
constexpr int largest_side = 4096;

// The images of a split, by class and path.
struct SplitImages {
  std::vector<fs::path> files;
  std::vector<std::int32_t> labels;
};

// The folders in `folder`, by name; hidden ones do not count.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

struct Plan {
  std::vector<std::string> classes;
  std::map<std::string, SplitImages> splits;
  std::vector<fs::path> ignored;
  std::vector<std::string> unlabelled;
};

void add_split(Plan& plan, const std::string& split, const std::vector<fs::path>& class_folders) {
  SplitImages& images = plan.splits[split];
  for (const fs::path& folder : class_folders) {
    const std::string name = folder.filename().string();
    const auto known = std::lower_bound(plan.classes.begin(), plan.classes.end(), name);
    if (known == plan.classes.end() || *known != name)
      throw FileError(fmt::format("{}: class '{}' is not among those of train", folder.string(), printable(name)));
    ImagePaths paths = find_image_paths(folder);
    std::ranges::move(paths.images, std::back_inserter(images.files));
    images.labels.resize(images.files.size(), static_cast<std::int32_t>(known - plan.classes.begin()));
    std::ranges::move(paths.others, std::back_inserter(plan.ignored));
  }
}

std::string split_name(const fs::path& folder) { return small_letters(folder.filename().string()); }

bool names_split(const fs::path& folder) {
  constexpr std::array<std::string_view, 6> names = {"train", "test", "val", "valid", "validation", "dev"};
  return std::ranges::find(names, split_name(folder)) != names.end();
}

// Whether the folders of `source` are splits. Throws FileError if they may be either.
bool holds_splits(const fs::path& source, const std::vector<fs::path>& folders, FolderLayout layout) {
  if (layout != FolderLayout::automatic) return layout == FolderLayout::splits;
  const auto train = std::ranges::find(folders, "train", split_name);
  if (train == folders.end()) return false;
  const auto other = std::ranges::find_if_not(folders, names_split);
  if (other == folders.end()) return true;
  if (folders_in(*train).empty()) return false;
  throw FileError(
      fmt::format("{}: are its folders splits or classes? '{}' may be a split, but '{}' is the name of none; "
                  "expected train, test, val, valid, validation or dev, or --layout",
                  source.string(), printable(train->filename().string()), printable(other->filename().string())));
}

void add_classes(Plan& plan, const fs::path& train) {
  const std::vector<fs::path> folders = folders_in(train);
  if (folders.empty()) throw FileError(fmt::format("{}: no folder that is named by a class of images", train.string()));
  for (const fs::path& folder : folders) plan.classes.push_back(folder.filename().string());
  add_split(plan, "train", folders);
}

void add_splits(Plan& plan, const fs::path& source, const std::vector<fs::path>& folders) {
  const auto train = std::ranges::find(folders, "train", split_name);
  if (train == folders.end()) throw FileError(fmt::format("{}: no folder train", source.string()));
  add_classes(plan, *train);
  for (const fs::path& folder : folders) {
    const std::string split = split_name(folder);
    if (folder == *train) continue;
    if (plan.splits.contains(split))
      throw FileError(fmt::format("{}: there is another folder of the split {}", folder.string(), split));
    const std::vector<fs::path> classes = folders_in(folder);
    if (classes.empty()) {
      plan.unlabelled.push_back(split);
    } else {
      add_split(plan, split, classes);
    }
  }
}

Plan make_plan(const fs::path& source, FolderLayout layout) {
  if (!fs::is_directory(source)) throw FileError(fmt::format("{}: no such folder", source.string()));
  Plan plan;
  const std::vector<fs::path> folders = folders_in(source);
  if (holds_splits(source, folders, layout)) {
    add_splits(plan, source, folders);
  } else {
    add_classes(plan, source);
  }
  for (const auto& [split, images] : plan.splits)
    if (images.files.empty()) throw FileError(fmt::format("{}: split {} has no image file", source.string(), split));
  return plan;
}

class Import {
 public:
  Import(const fs::path& source, const Plan& plan, const fs::path& target, const ImageFolderSettings& settings)
      : source_(source),
        settings_(settings),
        writer_(target,
                {.name = fs::absolute(source).lexically_normal().filename().string(),
                 .dims = settings.dims,
                 .label_names = plan.classes,
                 .color_order = settings.dims.channels == 3 ? "RGB" : "gray"},
                settings.storage) {
    for (const auto& [split, images] : plan.splits) total_ += static_cast<std::int64_t>(images.files.size());
  }

  void add_split(const std::string& split, const SplitImages& images) {
    const std::span<const fs::path> files = images.files;
    std::int64_t left = static_cast<std::int64_t>(files.size());
    writer_.begin_split(split, left);
    for (std::size_t first = 0; first < files.size(); first += files_at_once) {
      const auto piece = files.subspan(first, std::min(files_at_once, files.size() - first));
      const std::vector<NetworkImage> read = read_network_images(piece, settings_.dims, settings_.threads);
      for (std::size_t i = 0; i < piece.size(); ++i) {
        if (read[i].problem.empty()) {
          writer_.append(read[i].pixels, std::span(&images.labels[first + i], 1));
        } else {
          skip(split, piece[i], read[i].problem, --left);
        }
      }
      done_ += static_cast<std::int64_t>(piece.size());
      if (settings_.progress) settings_.progress(done_, total_);
    }
  }

  ImageFolderResult commit() {
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
  const ImageFolderSettings& settings_;
  DatasetWriter writer_;
  ImageFolderResult result_;
  std::int64_t done_ = 0, total_ = 0;
};

void check_dims(ImageDims dims) {
  const bool good = (dims.channels == 1 || dims.channels == 3) && dims.height >= 1 && dims.height <= largest_side &&
                    dims.width >= 1 && dims.width <= largest_side;
  if (!good)
    throw UsageError(fmt::format("image size {}x{}x{}: expected 1 or 3 channels and sides of 1 to {} pixels",
                                 dims.channels, dims.height, dims.width, largest_side));
}

}  // namespace

ImageFolderResult import_image_folder(const fs::path& source, const fs::path& target,
                                      const ImageFolderSettings& settings) {
  check_dims(settings.dims);
  try {
    Plan plan = make_plan(source, settings.layout);
    Import import(source, plan, target, settings);
    for (const auto& [split, images] : plan.splits) import.add_split(split, images);
    ImageFolderResult result = import.commit();
    result.ignored = std::move(plan.ignored);
    result.unlabelled = std::move(plan.unlabelled);
    return result;
  } catch (const fs::filesystem_error& error) {
    throw FileError(fmt::format("{}: cannot be read: {}", error.path1().string(), error.code().message()));
  }
}

}  // namespace cascadecl
