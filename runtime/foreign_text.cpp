#include "runtime/foreign_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"

namespace cascadecl {

std::string valid_utf8(std::string_view text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
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
