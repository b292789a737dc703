#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/energy/energy_sampler.h"
#include "runtime/energy/meter.h"

namespace cascadecl {

// Something to measure: run() classifies `images` images and returns when the devices have finished.
struct Workload {
  std::string name;
  std::function<void()> run;
  std::int64_t images = 0;
};

struct MeasureOptions {
  int repeats = 10;                    // windows of each workload
  double window_s = 1;                 // a window lasts at least this long,
  double periods_per_window = 100;     // and this many update periods of the slowest meter: its ends weigh 1 % at most
  double idle_s = 3;                   // each idle phase lasts this long, or periods_per_window if longer
  double settle_s = 1;                 // pause before each idle window: queues drain, averaged power readings fall
  int warmup_runs = 1;                 // of each workload
  std::uint64_t seed = 0;              // of the order
  std::function<double()> clock;       // seconds, monotone; empty: the steady clock
  std::function<void(double)> wait_s;  // how to be idle; empty: sleep
  std::function<void()> warm;          // called once, directly after the last window; may be empty
  std::function<void(int done)> progress;  // windows done so far; may be empty
};

// One window: a workload, run again and again.
struct MeasurementWindow {
  std::int64_t images = 0;
  double seconds = 0;
  EnergyReading energy;  // empty where it is not known
};

struct WorkloadWindows {
  std::string name;
  std::vector<MeasurementWindow> windows;
};

struct Measurement {
  EnergyReading idle_before, idle_after;   // empty where energy is not known
  std::vector<WorkloadWindows> workloads;  // in the order given
  std::vector<MeterAttempt> attempts;      // a meter that failed midway
};

// Measures workloads against each other: an idle phase, a warm-up of each, `repeats` rounds with a window of each, and
// another idle phase. Every round has an order of its own, drawn from the seed, so that a slow drift of the machine
// meets all alike. Without meters there are no idle phases, but times are measured. If a meter fails midway, times are
// still measured, no energy is known, and attempts says why. Nobody else may use the meters meanwhile. Throws
// UsageError if there is no workload or one without images, if repeats or idle_s is not positive, or if window_s is
// negative (0: a window is a single run, unless a meter asks for more). Throws what a run throws.
Measurement measure_workloads(const MeterList& meters, const std::vector<Workload>& workloads,
                              const MeasureOptions& options = {});

}  // namespace cascadecl
