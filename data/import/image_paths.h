#pragma once
#include <filesystem>
#include <vector>

namespace cascadecl {

// The files in a folder and in the folders below it, each list in the order of paths.
struct ImagePaths {
  std::vector<std::filesystem::path> images;  // called as images are, see has_image_name()
  std::vector<std::filesystem::path> others;
};

// Hidden files and folders do not count. Links are followed, but for one to a folder that it lies in. A link that leads
// nowhere is listed by its name. Throws FileError if a folder cannot be read.
ImagePaths find_image_paths(const std::filesystem::path& folder);

}  // namespace cascadecl
