#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cascadecl {

// The name of standard input among those of files.
inline constexpr const char* standard_input_name = "-";

// The files that a command is given by name, or as folders.
struct ImageList {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> ignored;  // in folders, not called as images are
};

// What is no folder stays as it is, whether it is there or not. Instead of a folder stand the images in it and below,
// in the order of their names. Throws UsageError if standard input is named twice, FileError if a folder holds no image
// or cannot be read.
ImageList list_images(const std::vector<std::string>& names);

}  // namespace cascadecl
