#include "runtime/energy/profile_energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/energy/energy_sampler.h"

namespace cascadecl {
namespace {

struct Measurement {
  EnergyReading idle_before, idle_after;
  std::vector<EnergyReading> windows;
  std::vector<long> images;  // of each window
};

class Profiler {
 public:
  Profiler(const MeterList& meters, const std::function<void()>& run, long images_per_run,
           const EnergyProfileOptions& options)
      : meters_(meters), run_(run), images_per_run_(images_per_run), options_(options) {
    if (!options_.clock) options_.clock = MeterEnvironment().clock;
    if (!options_.wait_s)
      options_.wait_s = [](double s) { std::this_thread::sleep_for(std::chrono::duration<double>(s)); };
    for (const auto& meter : meters) {
      const double shortest_s = meter->update_period_s() * options.periods_per_window;
      options_.window_s = std::max(options_.window_s, shortest_s);
      options_.idle_s = std::max(options_.idle_s, shortest_s);
    }
  }

  Measurement measure_all() {
    Measurement m;
    m.idle_before = idle();
    for (int i = 0; i < options_.warmup_runs; ++i) run_();
    for (int i = 0; i < options_.windows; ++i) m.windows.push_back(busy(m.images.emplace_back(0)));
    m.idle_after = idle();
    return m;
  }

 private:
  EnergyReading idle() {
    options_.wait_s(options_.settle_s);
    return measure(meters_, [&] { options_.wait_s(options_.idle_s); });
  }

  EnergyReading busy(long& images) {
    return measure(meters_, [&] {
      const double end_s = options_.clock() + options_.window_s;
      do {
        run_();
        images += images_per_run_;
      } while (options_.clock() < end_s);
    });
  }

  const MeterList& meters_;
  const std::function<void()>& run_;
  long images_per_run_;
  EnergyProfileOptions options_;
};

DomainEnergyProfile profile_domain(const Measurement& m, std::size_t d, long images) {
  DomainEnergyProfile result{m.idle_before.domains[d].domain, {}, {}, {}, {}};
  double busy_j = 0, busy_s = 0;
  for (const EnergyReading& window : m.windows) {
    if (window.domains[d].energy_j <= 0) return result;
    busy_j += window.domains[d].energy_j;
    busy_s += window.domains[d].window_s;
  }
  const DomainEnergy &before = m.idle_before.domains[d], &after = m.idle_after.domains[d];
  const double idle_w = (before.energy_j + after.energy_j) / (before.window_s + after.window_s);
  const double mj_per_image = 1e3 / static_cast<double>(images);
  result.idle_w = idle_w;
  result.busy_w = busy_j / busy_s;
  result.total_mj_per_image = busy_j * mj_per_image;
  result.marginal_mj_per_image = (busy_j - idle_w * busy_s) * mj_per_image;
  return result;
}

double counted_j(const EnergyReading& reading) {
  double sum = 0;
  for (const DomainEnergy& energy : reading.domains)
    if (energy.domain.counted) sum += energy.energy_j;
  return sum;
}

double spread_mj_per_image(const Measurement& m) {
  std::vector<double> totals;
  for (std::size_t i = 0; i < m.windows.size(); ++i)
    totals.push_back(counted_j(m.windows[i]) * 1e3 / static_cast<double>(m.images[i]));
  const auto [least, most] = std::minmax_element(totals.begin(), totals.end());
  return *most - *least;
}

void sum_up(const Measurement& m, EnergyProfile& profile) {
  double total = 0, marginal = 0;
  for (const DomainEnergyProfile& domain : profile.domains) {
    if (!domain.domain.counted) continue;
    total += *domain.total_mj_per_image;
    marginal += *domain.marginal_mj_per_image;
  }
  profile.total_mj_per_image = total;
  profile.spread_mj_per_image = spread_mj_per_image(m);
  profile.idle_before_w = counted_j(m.idle_before) / m.idle_before.domains.front().window_s;
  profile.idle_after_w = counted_j(m.idle_after) / m.idle_after.domains.front().window_s;
  if (marginal > 0)
    profile.marginal_mj_per_image = marginal;
  else
    profile.attempts.push_back({"profile", "marginal energy",
                                fmt::format("lost in noise: the machine drew {:.2f} W before and {:.2f} W after the "
                                            "work, no less than while it ran",
                                            *profile.idle_before_w, *profile.idle_after_w),
                                "profile longer, on a machine that does nothing else"});
}

// Leaves the totals empty, with the reason, where a counted domain stood still.
void evaluate(const Measurement& m, bool complete, EnergyProfile& profile) {
  for (const long images : m.images) profile.images += images;
  for (const EnergyReading& window : m.windows) profile.window_s += window.domains.front().window_s;
  for (std::size_t d = 0; d < m.idle_before.domains.size(); ++d) {
    const DomainEnergyProfile domain = profile_domain(m, d, profile.images);
    profile.domains.push_back(domain);
    if (domain.total_mj_per_image) continue;
    complete &= !domain.domain.counted;
    profile.attempts.push_back({domain.domain.source, domain.domain.path,
                                "the counter did not advance while the work ran",
                                "none in a virtual machine that only shows the counter"});
  }
  if (complete) sum_up(m, profile);
}

}  // namespace

EnergyProfile profile_energy(const MeterDiscovery& meters, const std::function<void()>& run, long images_per_run,
                             const EnergyProfileOptions& options) {
  if (images_per_run < 1 || options.windows < 1 || !(options.window_s > 0) || !(options.idle_s > 0))
    throw UsageError(
        fmt::format("energy profile: images per run ({}), windows ({}), window_s ({}) and idle_s ({}) "
                    "must be positive",
                    images_per_run, options.windows, options.window_s, options.idle_s));
  EnergyProfile profile;
  profile.attempts = meters.attempts;
  if (meters.meters.empty()) return profile;
  try {
    evaluate(Profiler(meters.meters, run, images_per_run, options).measure_all(), meters.complete, profile);
  } catch (const MeterReadError& error) {
    profile.attempts.push_back(error.attempt);
  }
  return profile;
}

}  // namespace cascadecl
