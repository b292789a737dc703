#pragma once
#include <filesystem>
#include <vector>

namespace cascadecl {

// The files in a folder and in the folders below it, each list in the order of paths.
struct ImagePaths {
  std::vector<std::filesystem::path> images;  // called as images are, see has_image_name()
  std::vector<std::filesystem::path> others;
  // Hidden files and folders, and folders __MACOSX, which hold a file of another kind for each image.
  std::vector<std::filesystem::path> hidden;
  std::vector<std::filesystem::path> circles;  // links to a folder that they lie in
};

// Links are followed, but for circles. A link that leads nowhere is listed by its name. Throws FileError if a folder
// cannot be read.
ImagePaths find_image_paths(const std::filesystem::path& folder);

// Whether a file or folder is one of ImagePaths::hidden.
bool is_hidden(const std::filesystem::path& path);

}  // namespace cascadecl
