#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cascadecl {

// "MODEL#1", by which the user names a part of a model file, in two; part is empty without "#".
struct StageEntry {
  std::string path, part;
};
StageEntry split_stage_entry(const std::string& entry);

// The stage that a part names, if it is one of the numbers 0 ... stages - 1.
std::optional<std::size_t> stage_number(std::string_view part, std::size_t stages);

}  // namespace cascadecl
