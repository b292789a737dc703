#include "runtime/energy/profile_energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace cascadecl {
namespace {

void add_totals(const WorkloadFigures& figures, EnergyProfile& profile) {
  const auto over_images = [](double sum, const DomainFigures& domain, const std::optional<double>& value) {
    return domain.domain.counted ? sum + *value : sum;
  };
  double total = 0, marginal = 0;
  for (const DomainFigures& domain : figures.domains) {
    total = over_images(total, domain, domain.total_mj_per_image);
    marginal = over_images(marginal, domain, domain.marginal_mj_per_image);
  }
  const auto [least, most] = std::ranges::minmax(figures.total_mj_per_image->values);
  profile.total_mj_per_image = total;
  profile.spread_mj_per_image = most - least;
  if (marginal > 0)
    profile.marginal_mj_per_image = marginal;
  else
    profile.attempts.push_back(marginal_lost({profile.idle_before_w, profile.idle_after_w}));
}

void append(std::vector<MeterAttempt>& attempts, const std::vector<MeterAttempt>& more) {
  attempts.insert(attempts.end(), more.begin(), more.end());
}

}  // namespace

MeasureOptions totals_alone() { return {.idle_s = 0.01, .settle_s = 0}; }

MeterAttempt marginal_lost(const IdlePower& idle) {
  return {"profile", "marginal energy",
          fmt::format("lost in noise: the machine drew {:.2f} W before and {:.2f} W after the work, no less than while "
                      "it ran",
                      idle.before_w.value_or(0), idle.after_w.value_or(0)),
          "profile longer, on a machine that does nothing else"};
}

EnergyProfile profile_energy(const MeterDiscovery& meters, const std::function<void()>& run,
                             std::int64_t images_per_run, const MeasureOptions& options) {
  if (images_per_run < 1 || options.repeats < 1 || !(options.window_s > 0) || !(options.idle_s > 0))
    throw UsageError(
        fmt::format("energy profile: images per run ({}), repeats ({}), window_s ({}) and idle_s ({}) "
                    "must be positive",
                    images_per_run, options.repeats, options.window_s, options.idle_s));
  EnergyProfile profile;
  profile.attempts = meters.attempts;
  if (meters.meters.empty()) return profile;
  const Measurement measurement = measure_workloads(meters.meters, {{"work", run, images_per_run}}, options);
  append(profile.attempts, measurement.attempts);
  append(profile.attempts, stood_still(measurement));
  for (const MeasurementWindow& window : measurement.workloads.front().windows) {
    profile.images += window.images;
    profile.window_s += window.seconds;
  }
  const WorkloadFigures figures = workload_figures(measurement, 0, meters.complete);
  profile.domains = figures.domains;
  if (!figures.total_mj_per_image) return profile;
  const IdlePower idle = idle_power(measurement, meters.complete);
  profile.idle_before_w = idle.before_w;
  profile.idle_after_w = idle.after_w;
  add_totals(figures, profile);
  return profile;
}

}  // namespace cascadecl
