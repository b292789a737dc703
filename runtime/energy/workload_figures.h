#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "runtime/energy/measure_workloads.h"
#include "runtime/statistics.h"

namespace cascadecl {

// One counter: its energy per image over all windows, and the same minus idle power * time. Empty where the counter did
// not advance. marginal may be negative here: this device idled while others worked.
struct DomainFigures {
  EnergyDomain domain;
  std::optional<double> idle_w, busy_w;
  std::optional<double> total_mj_per_image, marginal_mj_per_image;
};

// The cost of a workload: a value per image for each window. Energies are sums over the counted domains. Where they are
// not known they are empty, never 0.
struct WorkloadFigures {
  Sample ms_per_image;
  std::optional<Sample> total_mj_per_image, marginal_mj_per_image;
  // Half widths of the 95 % intervals of the means. The interval of the marginal energy also contains half the
  // difference of the idle powers before and after. Empty with a single window.
  std::optional<double> total_ci95, marginal_ci95;
  std::optional<double> busy_w;
  std::vector<DomainFigures> domains;

  // Means over the windows. Marginal energy that is lost in noise, 0 or less, is not known.
  std::optional<double> mean_total_mj() const;
  std::optional<double> mean_marginal_mj() const;
};

// Idle power of the counted domains, in watts; empty where it is not known. If the two are far apart, something else
// ran.
struct IdlePower {
  std::optional<double> before_w, after_w;
};
IdlePower idle_power(const Measurement& measurement, bool complete);

// complete: whether the counted domains cover all devices that work (MeterDiscovery::complete). If not, there is no
// total.
WorkloadFigures workload_figures(const Measurement& measurement, std::size_t workload, bool complete);

// The counted domains whose counter did not advance while some workload ran, each once. They are reasons why the total
// is not known.
std::vector<MeterAttempt> stood_still(const Measurement& measurement);

}  // namespace cascadecl
