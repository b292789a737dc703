#pragma once
#include <string>
#include <string_view>

namespace cascadecl {

// Text that others wrote, checked before it is used.

// Replaces everything that is not UTF-8 by U+FFFD. Names of files and datasets may hold any bytes; JSON may not.
std::string valid_utf8(std::string_view text);

// Names and other text as one line of a terminal shows them: characters that a terminal would obey are written out, a
// line end as "\\n", others as "\\x1b" or "\\u009b", and what is not UTF-8 is replaced.
std::string shown_line(std::string_view text);

// Throws FileError, which begins with `where`, if lists and objects of a JSON text are nested deeper than in any file
// of ours. Parsing takes no stack for them, but copying, comparing and showing the result does.
void check_json_depth(std::string_view text, std::string_view where);

}  // namespace cascadecl
