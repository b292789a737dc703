#pragma once
#include <string_view>

namespace cascadecl {

// Standard error: what a user sees beside the results. Whatever happens to it, a command goes on: a terminal that is
// gone, a full disk, a reader that has left, a descriptor that was closed.

// A line. Control characters in it, which may come from a file, are shown as escapes.
void tell(std::string_view line);

// Text as it is, with what moves a terminal's cursor.
void draw(std::string_view text);

}  // namespace cascadecl
