#pragma once
#include <string>
#include <utility>
#include <vector>

// The texts of the layers' environment variables.
namespace opencl_layer {

// The parts between separators, without blanks around them; empty ones are left out.
std::vector<std::string> split(const std::string& text, char separator);

// "a=1, b" as {"a", "1"}, {"b", ""}.
std::vector<std::pair<std::string, std::string>> parse_pairs(const std::string& text);

// A whole number of decimal digits, else refuse_setting(variable, ...).
unsigned long long parse_number(const char* variable, const std::string& text);

}  // namespace opencl_layer
