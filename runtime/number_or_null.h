#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace cascadecl {

// A number for JSON: null where it is unknown or not finite.
nlohmann::ordered_json number_or_null(std::optional<double> value);

}  // namespace cascadecl
