#include "runtime/number_or_null.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace cascadecl {

nlohmann::ordered_json number_or_null(std::optional<double> value) {
  return value && std::isfinite(*value) ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace cascadecl
