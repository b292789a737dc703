#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace cascadecl {

enum class ChecksumKind { md5, sha256 };
std::string_view to_string(ChecksumKind kind);  // "MD5", "SHA-256"

// A checksum that identifies a file.
struct Checksum {
  ChecksumKind kind = ChecksumKind::sha256;
  std::string hex;  // lower case
};

// Throws UsageError if hex is not made of as many hexadecimal digits as the kind has: 32 or 64.
Checksum parse_checksum(ChecksumKind kind, std::string_view hex);

// The checksum of a file, as hexadecimal digits in lower case. Throws FileError if it cannot be read.
std::string checksum_of(const std::filesystem::path& file, ChecksumKind kind);

}  // namespace cascadecl
