#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// What stands between commas; nothing for an empty text.
std::vector<std::string> split_words(std::string_view text);
// The same as numbers in least..most. Throws UsageError naming the flag.
std::vector<double> parse_numbers(std::string_view flag, std::string_view text, double least, double most);

}  // namespace cascadecl
