#include "runtime/foreign_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"

namespace cascadecl {

std::string valid_utf8(std::string_view text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string shown_line(std::string_view text) {
  std::string line;
  const std::string valid = valid_utf8(text);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    const auto next = static_cast<unsigned char>(i + 1 < valid.size() ? valid[i + 1] : 0);
    if (byte == '\n') {
      line += "\\n";
    } else if (byte == '\t') {
      line += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xC2 && next < 0xA0) {  // U+0080 to U+009F
      line += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      line += valid[i];
    }
  }
  return line;
}

void check_json_depth(std::string_view text, std::string_view where) {
  constexpr int most_levels = 100;
  int levels = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == ']' || c == '}') --levels;
    if ((c == '[' || c == '{') && ++levels > most_levels)
      throw FileError(fmt::format("{}: lists and objects lie more than {} deep in each other", where, most_levels));
  }
}

}  // namespace cascadecl
