#pragma once
#include <string>
#include <string_view>

namespace cascadecl {

// Text that others wrote, checked before it is used.

// Replaces everything that is not UTF-8 by U+FFFD. Names of files and datasets may hold any bytes; JSON may not.
std::string valid_utf8(std::string_view text);

// Text for a terminal: characters that it would obey become escapes like \x1b or \u009b, but for line ends and tabs,
// and what is no UTF-8 becomes U+FFFD.
std::string shown_text(std::string_view text);

// The same on one line, line ends and tabs as \n and \t, and of at most `most` characters, the last of which is then an
// ellipsis.
std::string shown_line(std::string_view text, std::size_t most = std::string::npos);

// Throws FileError, which begins with `where`, if lists and objects of a JSON text are nested deeper than in any file
// of ours. Parsing takes no stack for them, but copying, comparing and showing the result does.
void check_json_depth(std::string_view text, std::string_view where);

}  // namespace cascadecl
