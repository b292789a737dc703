#pragma once
#include <optional>

#include "runtime/statistics.h"

namespace cascadecl {

// Energy as time multiplied by a power that the user states. An estimate, and called so wherever it shows.
struct EnergyModel {
  double busy_w = 0;
  std::optional<double> idle_w;

  // W * ms = mJ.
  double mj_per_image(const Sample& ms_per_image) const { return busy_w * ms_per_image.mean(); }
  // Of the power above idle; empty where that is not stated.
  std::optional<double> marginal_mj_per_image(const Sample& ms_per_image) const {
    if (!idle_w) return std::nullopt;
    return (busy_w - *idle_w) * ms_per_image.mean();
  }
};

}  // namespace cascadecl
