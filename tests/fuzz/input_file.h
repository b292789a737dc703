#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace cascadecl::fuzz {

// The bytes as a file, for readers that take names. It is in memory, one at a time, and holds the bytes of the last
// call. Its name has this ending, as some readers go by it.
std::filesystem::path as_file(std::span<const std::uint8_t> bytes, const char* ending = "");

}  // namespace cascadecl::fuzz
