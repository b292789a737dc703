#pragma once
#include <span>
#include <string>
#include <string_view>

namespace cascadecl {

// For errors about a word that is not known: "; did you mean 'eval'?" with the nearest of those that are, or nothing if
// none is near. Near: a third of its letters at most are missing, too many, changed or exchanged with the next one.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace cascadecl
