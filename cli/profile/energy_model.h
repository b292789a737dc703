#pragma once
#include <optional>
#include <string_view>

#include "runtime/statistics.h"

namespace cascadecl {

// --energy-model WATTS[:IDLE]: energy as time multiplied by a power that the user states. An estimate, and called so
// wherever it shows.
struct EnergyModel {
  double busy_w = 0;
  std::optional<double> idle_w;

  // W * ms = mJ.
  double mj_per_image(const Sample& ms_per_image) const { return busy_w * ms_per_image.mean(); }
  std::optional<double> marginal_mj_per_image(const Sample& ms_per_image) const;
};

// Throws UsageError naming the flag. WATTS above 0, IDLE from 0 to WATTS.
EnergyModel parse_energy_model(std::string_view text);

}  // namespace cascadecl
