#include "cli/profile/energy_model.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::optional<double> watts(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value < 1e9)) return std::nullopt;
  return value;
}

}  // namespace

EnergyModel parse_energy_model(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto busy_w = watts(text.substr(0, colon));
  const bool with_idle = colon != std::string_view::npos;
  const auto idle_w = with_idle ? watts(text.substr(colon + 1)) : std::nullopt;
  if (!busy_w || *busy_w <= 0 || (with_idle && (!idle_w || *idle_w > *busy_w)))
    throw UsageError(fmt::format(
        "--energy-model {}: expected WATTS or WATTS:IDLE with WATTS above 0 and IDLE from 0 to WATTS", text));
  return {*busy_w, idle_w};
}

}  // namespace cascadecl
