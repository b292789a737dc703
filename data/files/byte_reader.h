#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

namespace cascadecl {

// Reads a file of unknown origin from front to back, with jumps, and never past its end. Numbers are little-endian.
// All functions throw FileError naming the file; those about its content name the offset too.
class ByteReader {
 public:
  // Throws FileError if the file is missing, no regular file or unreadable.
  explicit ByteReader(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }      // bytes of the file
  std::int64_t offset() const { return offset_; }  // of the next byte
  std::int64_t left() const { return size_ - offset_; }

  std::uint8_t byte();
  std::uint64_t number(int bytes);  // 1 to 8
  std::string text(std::int64_t bytes);
  void read(std::span<std::uint8_t> out);
  void skip(std::int64_t bytes);
  void seek(std::int64_t offset);

  // The error for a problem at an offset: "FILE: offset 17: problem".
  [[noreturn]] void fail(std::int64_t offset, std::string_view problem) const;

 private:
  void need(std::int64_t bytes) const;

  std::filesystem::path path_;
  std::ifstream file_;
  std::int64_t size_ = 0, offset_ = 0;
};

// Text from a file, made fit for one line of an error: everything but printable ASCII becomes '?', and the end of long
// text becomes "...".
std::string printable(std::string_view text);

}  // namespace cascadecl
