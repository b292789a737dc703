#include "data/import/image_paths.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"
#include "data/import/image_file.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

// Both canonical; a folder lies in itself.
bool lies_in(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

// `around`: the folder itself and those that it lies in, without links.
void add_files(const fs::path& folder, std::vector<fs::path>& around, ImagePaths& paths) {
  around.push_back(fs::canonical(folder));
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (is_hidden(entry.path())) {
      paths.hidden.push_back(entry.path());
      continue;
    }
    std::error_code unknown;
    if (entry.is_directory(unknown)) {
      const fs::path target = fs::canonical(entry.path());
      if (std::ranges::none_of(around, [&](const fs::path& outer) { return lies_in(outer, target); })) {
        add_files(entry.path(), around, paths);
      } else {
        paths.circles.push_back(entry.path());
      }
    } else {
      (has_image_name(entry.path()) ? paths.images : paths.others).push_back(entry.path());
    }
  }
  around.pop_back();
}

}  // namespace

bool is_hidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') || name == "__MACOSX";
}

ImagePaths find_image_paths(const fs::path& folder) {
  ImagePaths paths;
  std::vector<fs::path> around;
  try {
    add_files(folder, around, paths);
  } catch (const fs::filesystem_error& error) {
    throw FileError(fmt::format("{}: cannot be read: {}", error.path1().string(), error.code().message()));
  }
  for (auto* list : {&paths.images, &paths.others, &paths.hidden, &paths.circles}) std::ranges::sort(*list);
  return paths;
}

}  // namespace cascadecl
