#include "cli/flag_rules.h"

#include <fmt/format.h>

#include "data/files/error.h"

namespace cascadecl {

void check_flags(const Options& options, const std::vector<FlagRule>& rules) {
  for (const FlagRule& rule : rules) {
    if (!rule.applies) continue;
    for (const std::string_view flag : rule.flags)
      if (options.given(flag)) throw UsageError(fmt::format("{}: {}", options.shown_name(flag), rule.why));
  }
}

}  // namespace cascadecl
