#pragma once
#include <string>

namespace cascadecl {

// Files that a command writes at its end beside what it prints; an empty path is none.

// Before the work. Throws OutputError now if the file could not be written after it.
void check_writable(const std::string& path);
// Whole or not at all. Throws OutputError.
void write_file(const std::string& path, const std::string& text);

}  // namespace cascadecl
