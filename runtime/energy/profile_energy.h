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
  std::optional<double> spread_mj_per_image;                        // largest less smallest total of a window
  std::optional<double> idle_before_w, idle_after_w;                // far apart: something else ran
  std::vector<DomainFigures> domains;                               // counted and other ones
  std::vector<MeterAttempt> attempts;                               // those of the discovery and what failed since
  std::int64_t images = 0;                                          // of all windows
  double window_s = 0;                                              // length of all windows together
};

// Energy per image of run, which classifies images_per_run images and returns when the devices have finished; measured
// as by measure_workloads(), alone.
// Totals are empty unless the meters cover the target (meters.complete); without any meter, run is not called.
// Throws UsageError if images_per_run, repeats, window_s or idle_s is not positive, and what run throws. A meter that
// fails midway is an attempt and leaves every result empty.
EnergyProfile profile_energy(const MeterDiscovery& meters, const std::function<void()>& run,
                             std::int64_t images_per_run, const MeasureOptions& options = {});

// For those who look at total energies alone, from which no idle power is taken away: next to no idle phases.
MeasureOptions totals_alone();

// The reason that there is no marginal energy although the total is known: idle power as high as that of the work.
MeterAttempt marginal_lost(const IdlePower& idle);

}  // namespace cascadecl
