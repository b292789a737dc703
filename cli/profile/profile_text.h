#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cascadecl {

// What profile prints without --json, from that JSON.
std::string profile_text(const nlohmann::ordered_json& profile);

}  // namespace cascadecl
