#pragma once
#include <string>
#include <string_view>

namespace cascadecl {

// Text as a field of a CSV file, in quotes where it has to be (RFC 4180).
std::string csv_field(std::string_view text);

}  // namespace cascadecl
