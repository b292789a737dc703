#include "runtime/energy/workload_figures.h"

#include <algorithm>
#include <cmath>

namespace cascadecl {
namespace {

constexpr double milli = 1e3;

double idle_w(const Measurement& m, std::size_t d) {
  const DomainEnergy &before = m.idle_before.domains[d], &after = m.idle_after.domains[d];
  return (before.energy_j + after.energy_j) / (before.window_s + after.window_s);
}

bool advanced(const std::vector<MeasurementWindow>& windows, std::size_t d) {
  return std::all_of(windows.begin(), windows.end(),
                     [&](const MeasurementWindow& w) { return w.energy.domains[d].energy_j > 0; });
}

std::int64_t images_in(const std::vector<MeasurementWindow>& windows) {
  std::int64_t images = 0;
  for (const MeasurementWindow& window : windows) images += window.images;
  return images;
}

DomainFigures domain_figures(const Measurement& m, const std::vector<MeasurementWindow>& windows, std::size_t d) {
  DomainFigures figures{m.idle_before.domains[d].domain, {}, {}, {}, {}};
  if (!advanced(windows, d)) return figures;
  double busy_j = 0, busy_s = 0;
  for (const MeasurementWindow& window : windows) {
    busy_j += window.energy.domains[d].energy_j;
    busy_s += window.energy.domains[d].window_s;
  }
  const double idle = idle_w(m, d), mj_per_image = milli / static_cast<double>(images_in(windows));
  figures.idle_w = idle;
  figures.busy_w = busy_j / busy_s;
  figures.total_mj_per_image = busy_j * mj_per_image;
  figures.marginal_mj_per_image = (busy_j - idle * busy_s) * mj_per_image;
  return figures;
}

double counted_w(const EnergyReading& reading) {
  double watts = 0;
  for (const DomainEnergy& energy : reading.domains)
    if (energy.domain.counted) watts += energy.energy_j / energy.window_s;
  return watts;
}

void add_window(const Measurement& m, const MeasurementWindow& window, WorkloadFigures& figures) {
  double total_j = 0, marginal_j = 0;
  for (std::size_t d = 0; d < window.energy.domains.size(); ++d) {
    const DomainEnergy& energy = window.energy.domains[d];
    if (!energy.domain.counted) continue;
    total_j += energy.energy_j;
    marginal_j += energy.energy_j - idle_w(m, d) * energy.window_s;
  }
  const double mj_per_image = milli / static_cast<double>(window.images);
  figures.total_mj_per_image->values.push_back(total_j * mj_per_image);
  figures.marginal_mj_per_image->values.push_back(marginal_j * mj_per_image);
}

bool total_known(const std::vector<DomainFigures>& domains) {
  return std::all_of(domains.begin(), domains.end(),
                     [](const DomainFigures& d) { return !d.domain.counted || d.total_mj_per_image; });
}

void add_totals(const Measurement& m, const std::vector<MeasurementWindow>& windows, WorkloadFigures& figures) {
  figures.total_mj_per_image.emplace();
  figures.marginal_mj_per_image.emplace();
  double seconds = 0;
  for (const MeasurementWindow& window : windows) {
    add_window(m, window, figures);
    seconds += window.energy.domains.front().window_s;
  }
  figures.busy_w = 0;
  for (const DomainFigures& domain : figures.domains)
    if (domain.domain.counted) *figures.busy_w += *domain.busy_w;
  figures.total_ci95 = figures.total_mj_per_image->ci95();
  if (const auto ci95 = figures.marginal_mj_per_image->ci95()) {
    const double drift_w = std::abs(counted_w(m.idle_after) - counted_w(m.idle_before)) / 2;
    figures.marginal_ci95 = std::hypot(*ci95, drift_w * seconds * milli / static_cast<double>(images_in(windows)));
  }
}

}  // namespace

std::optional<double> WorkloadFigures::mean_total_mj() const {
  return total_mj_per_image ? std::optional(total_mj_per_image->mean()) : std::nullopt;
}

std::optional<double> WorkloadFigures::mean_marginal_mj() const {
  if (!marginal_mj_per_image) return std::nullopt;
  const double mean = marginal_mj_per_image->mean();
  return mean > 0 ? std::optional(mean) : std::nullopt;
}

IdlePower idle_power(const Measurement& measurement, bool complete) {
  if (!complete || measurement.idle_before.domains.empty()) return {};
  return {counted_w(measurement.idle_before), counted_w(measurement.idle_after)};
}

WorkloadFigures workload_figures(const Measurement& measurement, std::size_t workload, bool complete) {
  const std::vector<MeasurementWindow>& windows = measurement.workloads.at(workload).windows;
  WorkloadFigures figures;
  for (const MeasurementWindow& window : windows)
    figures.ms_per_image.values.push_back(window.seconds * milli / static_cast<double>(window.images));
  for (std::size_t d = 0; d < measurement.idle_before.domains.size(); ++d)
    figures.domains.push_back(domain_figures(measurement, windows, d));
  if (complete && !figures.domains.empty() && total_known(figures.domains)) add_totals(measurement, windows, figures);
  return figures;
}

std::vector<MeterAttempt> stood_still(const Measurement& measurement) {
  std::vector<MeterAttempt> attempts;
  for (std::size_t d = 0; d < measurement.idle_before.domains.size(); ++d) {
    const EnergyDomain& domain = measurement.idle_before.domains[d].domain;
    const bool all = std::all_of(measurement.workloads.begin(), measurement.workloads.end(),
                                 [&](const WorkloadWindows& w) { return advanced(w.windows, d); });
    if (domain.counted && !all)
      attempts.push_back({domain.source, domain.path, "the counter did not advance while the work ran",
                          "none in a virtual machine that only shows the counter"});
  }
  return attempts;
}

}  // namespace cascadecl
