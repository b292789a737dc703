#include "data/files/byte_reader.h"

#include <fmt/format.h>

#include <utility>

#include "data/files/error.h"

namespace cascadecl {

ByteReader::ByteReader(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (!std::filesystem::exists(path_, error)) throw FileError(fmt::format("{}: no such file", path_.string()));
  if (!std::filesystem::is_regular_file(path_, error))
    throw FileError(fmt::format("{}: not a regular file", path_.string()));
  file_.open(path_, std::ios::binary);
  size_ = static_cast<std::int64_t>(std::filesystem::file_size(path_, error));
  if (!file_ || error) throw FileError(fmt::format("{}: cannot be read", path_.string()));
}

std::uint8_t ByteReader::byte() { return static_cast<std::uint8_t>(number(1)); }

std::uint64_t ByteReader::number(int bytes) {
  std::uint8_t raw[8] = {};
  read(std::span(raw).first(static_cast<std::size_t>(bytes)));
  std::uint64_t value = 0;
  for (int i = bytes; i-- > 0;) value = value << 8 | raw[i];
  return value;
}

std::string ByteReader::text(std::int64_t bytes) {
  need(bytes);
  std::string text(static_cast<std::size_t>(bytes), '\0');
  read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

void ByteReader::read(std::span<std::uint8_t> out) {
  const auto bytes = static_cast<std::int64_t>(out.size());
  need(bytes);
  if (bytes == 0) return;
  if (!file_.read(reinterpret_cast<char*>(out.data()), bytes)) fail(offset_, "cannot be read");
  offset_ += bytes;
}

void ByteReader::skip(std::int64_t bytes) {
  need(bytes);
  seek(offset_ + bytes);
}

void ByteReader::seek(std::int64_t offset) {
  if (!file_.seekg(offset)) fail(offset, "cannot be read");
  offset_ = offset;
}

void ByteReader::need(std::int64_t bytes) const {
  if (bytes < 0 || bytes > left())
    fail(offset_, fmt::format("{} bytes expected, the file has {} more", static_cast<std::uint64_t>(bytes), left()));
}

void ByteReader::fail(std::int64_t offset, std::string_view problem) const {
  throw FileError(fmt::format("{}: offset {}: {}", path_.string(), offset, problem));
}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string line(text.substr(0, longest));
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  return text.size() > longest ? line + "..." : line;
}

}  // namespace cascadecl
