#include "data/import/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "data/files/byte_reader.h"

namespace cascadecl {
namespace {

constexpr std::size_t longest_header = 1 << 16, most_dimensions = 32;

std::string read_text(Archive& archive, std::size_t bytes) {
  std::string text(bytes, '\0');
  if (archive.read({reinterpret_cast<std::uint8_t*>(text.data()), bytes}) != bytes) archive.fail("truncated .npy file");
  return text;
}

// A header is a dict in Python's notation, of this form only:
// {'descr': '|u1', 'fortran_order': False, 'shape': (10, 3072), }
class HeaderParser {
 public:
  HeaderParser(const Archive& archive, std::string_view text) : archive_(archive), text_(text), left_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    int keys = 0;
    expect("{");
    while (!take("}")) {
      const std::string key = quoted();
      expect(":");
      if (key == "descr") {
        header.type = quoted();
      } else if (key == "fortran_order") {
        header.column_major = take("True");
        if (!header.column_major) expect("False");
      } else if (key == "shape") {
        header.shape = shape();
      } else {
        fail();
      }
      ++keys;
      if (!take(",") && !left_.starts_with("}")) fail();
    }
    skip_space();
    if (keys != 3 || header.type.empty() || !left_.empty()) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const { archive_.fail(fmt::format("not the header of an array: {}", printable(text_))); }
  void skip_space() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }
  bool take(std::string_view word) {
    skip_space();
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    skip_space();
    return true;
  }
  void expect(std::string_view word) {
    if (!take(word)) fail();
  }
  std::string quoted() {
    expect("'");
    const std::size_t end = left_.find('\'');
    if (end == std::string_view::npos) fail();
    const std::string word(left_.substr(0, end));
    left_.remove_prefix(end);
    expect("'");
    return word;
  }
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> sizes;
    expect("(");
    while (!take(")")) {
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), size);
      if (error != std::errc{} || size < 0 || sizes.size() == most_dimensions) fail();
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
      sizes.push_back(size);
      if (!take(",") && !left_.starts_with(")")) fail();
    }
    return sizes;
  }

  const Archive& archive_;
  std::string_view text_, left_;
};

}  // namespace

NpyHeader read_npy_header(Archive& archive) {
  const std::string start = read_text(archive, 8);
  const int version = start[6];
  if (!start.starts_with("\x93NUMPY") || version < 1 || version > 3) archive.fail("no .npy file of format 1, 2 or 3");
  std::size_t length = 0, shift = 0;
  for (const char c : read_text(archive, version == 1 ? 2 : 4)) {
    length |= std::size_t{static_cast<std::uint8_t>(c)} << shift;
    shift += 8;
  }
  if (length > longest_header) archive.fail(fmt::format("a header of {} bytes", length));
  const std::string text = read_text(archive, length);
  return HeaderParser(archive, text).parse();
}

}  // namespace cascadecl
