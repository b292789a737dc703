#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "runtime/energy/meter.h"
#include "runtime/energy/workload_figures.h"

namespace cascadecl {

// Energy per image, over all windows. Never 0 for "unknown": what is unknown is empty, and attempts says why.
struct EnergyProfile {
  std::optional<double> total_mj_per_image, marginal_mj_per_image;  // sums over the counted domains
  std::optional<double> spread_mj_per_image;                        // largest minus smallest total of a window
  std::optional<double> idle_before_w, idle_after_w;                // far apart: something else ran
  std::vector<DomainFigures> domains;                               // counted or not
  std::vector<MeterAttempt> attempts;                               // of the discovery, and of meters that failed since
  std::int64_t images = 0;                                          // of all windows
  double window_s = 0;                                              // length of all windows together
};

// Measures the energy per image of `run`, alone and in the way of measure_workloads(). `run` classifies images_per_run
// images and returns when the devices have finished. Without any meter it is not called. Totals are empty unless the
// meters cover the target (meters.complete). A meter that fails midway becomes an attempt and leaves every result
// empty. Throws UsageError if images_per_run, repeats, window_s or idle_s is not positive, and what run throws.
EnergyProfile profile_energy(const MeterDiscovery& meters, const std::function<void()>& run,
                             std::int64_t images_per_run, const MeasureOptions& options = {});

// Options for total energies alone, without marginal ones: idle phases are next to none.
MeasureOptions totals_alone();

// Why there is no marginal energy although the total is known: idle power is as high as the power under work.
MeterAttempt marginal_lost(const IdlePower& idle);

}  // namespace cascadecl
