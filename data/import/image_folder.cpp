#include "data/import/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string_view>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/import/image_paths.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

// What lies in a folder whose folders are splits or classes.
struct Shelf {
  std::vector<fs::path> folders, hidden, files;  // by name
};

Shelf shelf_of(const fs::path& folder) {
  Shelf shelf;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code unknown;
    auto& list = is_hidden(entry.path()) ? shelf.hidden : entry.is_directory(unknown) ? shelf.folders : shelf.files;
    list.push_back(entry.path());
  }
  for (auto* list : {&shelf.folders, &shelf.hidden, &shelf.files}) std::ranges::sort(*list);
  return shelf;
}

void append(std::vector<fs::path>& to, std::vector<fs::path> from) { std::ranges::move(from, std::back_inserter(to)); }

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

struct Plan {
  LabelledFiles files;
  LeftOut left_out;
  std::vector<std::string> unlabelled;
};

// The folders of a split, or those that are splits; what lies beside them is left out.
std::vector<fs::path> folders_of(Plan& plan, Shelf shelf) {
  append(plan.left_out.hidden, std::move(shelf.hidden));
  append(plan.left_out.outside, std::move(shelf.files));
  return std::move(shelf.folders);
}

void add_split(Plan& plan, const std::string& name, const std::vector<fs::path>& class_folders) {
  LabelledFiles::Split& split = plan.files.splits[name];
  const std::vector<std::string>& classes = plan.files.label_names;
  for (const fs::path& folder : class_folders) {
    const std::string class_name = folder.filename().string();
    const auto known = std::ranges::lower_bound(classes, class_name);
    if (known == classes.end() || *known != class_name)
      throw FileError(
          fmt::format("{}: class '{}' is not among those of train", folder.string(), printable(class_name)));
    ImagePaths paths = find_image_paths(folder);
    append(split.files, std::move(paths.images));
    split.labels.resize(split.files.size(), static_cast<std::int32_t>(known - classes.begin()));
    append(plan.left_out.others, std::move(paths.others));
    append(plan.left_out.hidden, std::move(paths.hidden));
    append(plan.left_out.circles, std::move(paths.circles));
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
  if (shelf_of(*train).folders.empty()) return false;
  throw FileError(
      fmt::format("{}: are its folders splits or classes? '{}' may be a split, but '{}' is the name of none; "
                  "expected train, test, val, valid, validation or dev, or --layout",
                  source.string(), printable(train->filename().string()), printable(other->filename().string())));
}

void add_classes(Plan& plan, const fs::path& train) {
  const std::vector<fs::path> folders = folders_of(plan, shelf_of(train));
  if (folders.empty()) throw FileError(fmt::format("{}: no folder that is named by a class of images", train.string()));
  for (const fs::path& folder : folders) plan.files.label_names.push_back(folder.filename().string());
  add_split(plan, "train", folders);
}

void add_splits(Plan& plan, const fs::path& source, const std::vector<fs::path>& folders) {
  const auto train = std::ranges::find(folders, "train", split_name);
  if (train == folders.end()) throw FileError(fmt::format("{}: no folder train", source.string()));
  add_classes(plan, *train);
  for (const fs::path& folder : folders) {
    const std::string split = split_name(folder);
    if (folder == *train) continue;
    if (plan.files.splits.contains(split))
      throw FileError(fmt::format("{}: there is another folder of the split {}", folder.string(), split));
    Shelf shelf = shelf_of(folder);
    if (shelf.folders.empty()) {
      plan.unlabelled.push_back(split);
    } else {
      add_split(plan, split, folders_of(plan, std::move(shelf)));
    }
  }
}

Plan make_plan(const fs::path& source, FolderLayout layout) {
  if (!fs::is_directory(source)) throw FileError(fmt::format("{}: no such folder", source.string()));
  Plan plan;
  plan.files.name = fs::absolute(source).lexically_normal().filename().string();
  Shelf shelf = shelf_of(source);
  if (holds_splits(source, shelf.folders, layout)) {
    add_splits(plan, source, folders_of(plan, std::move(shelf)));
  } else {
    add_classes(plan, source);
  }
  for (const auto& [name, split] : plan.files.splits)
    if (split.files.empty()) throw FileError(fmt::format("{}: split {} has no image file", source.string(), name));
  return plan;
}

}  // namespace

ImageFolderResult import_image_folder(const fs::path& source, const fs::path& target,
                                      const ImageFilesSettings& settings, FolderLayout layout) {
  check_image_dims(settings.dims);
  try {
    Plan plan = make_plan(source, layout);
    if (const LeftOut& left_out = plan.left_out; settings.strict && !left_out.circles.empty())
      throw FileError(fmt::format("{}: a link to a folder that it lies in", left_out.circles.front().string()));
    return {import_labelled_files(source, std::move(plan.files), target, settings), std::move(plan.left_out),
            std::move(plan.unlabelled)};
  } catch (const fs::filesystem_error& error) {
    throw FileError(fmt::format("{}: cannot be read: {}", error.path1().string(), error.code().message()));
  }
}

}  // namespace cascadecl
