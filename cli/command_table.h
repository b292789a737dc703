#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"

namespace cascadecl {

struct CommandEntry {
  std::string_view name, summary;
  void (*run)(const Arguments&);
  std::vector<std::string_view> actions = {};  // words that may follow the name, each with flags of its own
};

std::span<const CommandEntry> commands();

// Throws UsageError for a name that is none.
const CommandEntry& find_command(std::string_view name);

// As one types them: "train", "data import".
std::vector<std::string> command_lines();

}  // namespace cascadecl
