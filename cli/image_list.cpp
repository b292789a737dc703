#include "cli/image_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "data/files/error.h"
#include "data/import/image_paths.h"

namespace cascadecl {

ImageList list_images(const std::vector<std::string>& names) {
  if (std::ranges::count(names, standard_input_name) > 1)
    throw UsageError("standard input (-) is one image, and is named twice");
  ImageList list;
  for (const std::string& name : names) {
    std::error_code unknown;
    if (name == standard_input_name || !std::filesystem::is_directory(name, unknown)) {
      list.files.emplace_back(name);
      continue;
    }
    ImagePaths paths = find_image_paths(name);
    if (paths.images.empty()) throw FileError(fmt::format("{}: there is no image file in this folder", name));
    std::ranges::move(paths.images, std::back_inserter(list.files));
    std::ranges::move(paths.others, std::back_inserter(list.ignored));
  }
  return list;
}

}  // namespace cascadecl
