#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cascadecl {

// The names of classes from a short text file, one a line; empty lines do not count, nor does space at the end of one.
// Throws FileError if it is no regular file, is longer than 1 MiB, or holds no name.
std::vector<std::string> read_name_list(const std::filesystem::path& file);

// The error of an input that is missing or no regular file.
void check_regular_file(const std::filesystem::path& file);

}  // namespace cascadecl
