#include "trainer/stage_entry.h"

#include <charconv>

namespace cascadecl {

StageEntry split_stage_entry(const std::string& entry) {
  const std::size_t mark = entry.rfind('#');
  return mark == std::string::npos ? StageEntry{entry, ""} : StageEntry{entry.substr(0, mark), entry.substr(mark + 1)};
}

std::optional<std::size_t> stage_number(std::string_view part, std::size_t stages) {
  std::size_t stage = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), stage);
  if (error != std::errc{} || end != part.data() + part.size() || stage >= stages) return std::nullopt;
  return stage;
}

}  // namespace cascadecl
