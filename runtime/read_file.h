#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "runtime/warning.h"

namespace cascadecl {

// The bytes of a file. Nothing where there is none. Nothing, after a warning, where it cannot be read: a folder, a file
// without permission, a broken disk.
std::optional<std::string> read_file(const std::filesystem::path& file, const WarningHandler& warning);

}  // namespace cascadecl
