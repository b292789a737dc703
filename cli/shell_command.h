#pragma once
#include <string>
#include <vector>

namespace cascadecl {

// Words as one types them to a POSIX shell, with a space between: those that it would take apart, expand or interpret
// stand in single quotes.
std::string shell_command(const std::vector<std::string>& words);

}  // namespace cascadecl
