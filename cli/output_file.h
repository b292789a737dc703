#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace cascadecl {

// Files that a command writes at its end beside what it prints; an empty path is none.

// For files that no flag names, as those in a folder: Options::add_output() sees the others. Throws UsageError if a
// file to be written by this flag ("--output") is one of those that the command reads, by whatever name.
void check_not_input(std::string_view flag, const std::string& path, std::span<const std::filesystem::path> inputs);
// Before the work. Throws OutputError now if the file could not be written after it.
void check_writable(const std::string& path);
// Whole or not at all. Throws OutputError.
void write_file(const std::string& path, const std::string& text);

}  // namespace cascadecl
