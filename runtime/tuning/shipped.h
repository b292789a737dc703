#pragma once
#include <map>
#include <string>

namespace cascadecl {

// The texts of share/tuning/*.json, by the name of the file: {"cpu-16", "{...}"}. Generated at build.
const std::map<std::string, std::string, std::less<>>& shipped_tuning_texts();

}  // namespace cascadecl
