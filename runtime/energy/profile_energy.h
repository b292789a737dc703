#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

struct EnergyProfileOptions {
  int windows = 3;                 // how often the measurement is repeated
  double window_s = 2;             // each window at least this long,
  double periods_per_window = 50;  // and at least so many update periods of the slowest meter
  double idle_s = 1;               // idle power is taken this long before and after, or periods_per_window if longer
  double settle_s = 1;             // pause before each idle window: queues drain, averaged power readings fall
  int warmup_runs = 1;
  std::function<double()> clock;       // seconds, monotone; empty: the steady clock
  std::function<void(double)> wait_s;  // how to be idle; empty: sleep
};

// One counter: what it counted per image, and that less idle power * time. Empty where the counter did not advance.
// marginal may be negative here: this device idled while others worked.
struct DomainEnergyProfile {
  EnergyDomain domain;
  std::optional<double> idle_w, busy_w;
  std::optional<double> total_mj_per_image, marginal_mj_per_image;
};

// Energy per image, over all windows. Never 0 for "unknown": what is unknown is empty, and attempts says why.
struct EnergyProfile {
  std::optional<double> total_mj_per_image, marginal_mj_per_image;  // sums over the counted domains
  std::optional<double> spread_mj_per_image;                        // largest less smallest total of a window
  std::optional<double> idle_before_w, idle_after_w;                // far apart: something else ran
  std::vector<DomainEnergyProfile> domains;                         // counted and other ones
  std::vector<MeterAttempt> attempts;                               // those of the discovery and what failed since
  long images = 0;                                                  // of all windows
  double window_s = 0;                                              // length of all windows together
};

// Energy per image of run, which classifies images_per_run images and returns when the devices have finished.
// Order: idle, warm-up, windows of repeated runs, idle.
// Totals are empty unless the meters cover the target (meters.complete); without any meter, run is not called.
// Throws UsageError if images_per_run, windows, window_s or idle_s is not positive, and what run throws. A meter that
// fails midway is an attempt and leaves every result empty.
EnergyProfile profile_energy(const MeterDiscovery& meters, const std::function<void()>& run, long images_per_run,
                             const EnergyProfileOptions& options = {});

}  // namespace cascadecl
