#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"

namespace cascadecl {

// Flags that would say nothing in the company of another flag, or without it.
struct FlagRule {
  bool applies;                         // as the other flag was given
  std::vector<std::string_view> flags;  // that may not be given then, or positionals
  std::string why;                      // names the other one: "only with --stream", "not with --data"
};

// After parsing. Throws UsageError for the first flag that breaks a rule: "--rate: only with --stream".
void check_flags(const Options& options, const std::vector<FlagRule>& rules);

}  // namespace cascadecl
