#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace cascadecl {

// More than any JSON that the program writes.
inline constexpr std::uint64_t most_json_bytes = std::uint64_t{256} << 20;

// The bytes of a text file: settings, lists, JSON. Throws FileError if it is missing, a folder, a pipe or a device, has
// more than `most` bytes, or cannot be read.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t most = std::uint64_t{16} << 20);

}  // namespace cascadecl
