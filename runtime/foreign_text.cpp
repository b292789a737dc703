#include "runtime/foreign_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"

namespace cascadecl {

std::string valid_utf8(std::string_view text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string shown_text(std::string_view text) {
  std::string shown;
  const std::string valid = valid_utf8(text);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    const bool control = byte < 0x20 || byte == 0x7f;
    // U+0080 to U+009F, which some terminals obey as well.
    const bool high_control = byte == 0xc2 && static_cast<unsigned char>(valid[i + 1]) < 0xa0;
    if (control && byte != '\n' && byte != '\t') {
      shown += fmt::format("\\x{:02x}", byte);
    } else if (high_control) {
      shown += fmt::format("\\u{:04x}", static_cast<unsigned char>(valid[++i]));
    } else {
      shown += valid[i];
    }
  }
  return shown;
}

std::string shown_line(std::string_view text, std::size_t most) {
  std::string line;
  for (const char c : shown_text(text)) line += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  std::size_t characters = 0, cut = line.size();
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xc0) == 0x80) continue;
    if (++characters == most) cut = i;
  }
  return characters <= most ? line : line.substr(0, cut) + "…";
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
