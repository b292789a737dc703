#include "runtime/study/tradeoff/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::vector<std::int64_t> stopped_at(const CascadeTable& table, std::span<const double> scores, double limit) {
  std::vector<std::int64_t> stopped(table.stages());
  for (std::size_t i = 0; i < table.images(); ++i) ++stopped[exit_of(table, scores, limit, i)];
  return stopped;
}

// All limits that make a difference, ascending: the scores, and one above them.
std::vector<double> all_limits(std::span<const double> scores) {
  std::vector<double> limits(scores.begin(), scores.end());
  limits.push_back(finite_limit(scores, std::numeric_limits<double>::infinity()));
  std::ranges::sort(limits);
  limits.erase(std::unique(limits.begin(), limits.end()), limits.end());
  return limits;
}

Budget budget_at(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs,
                 SimulationSettings settings, double limit) {
  settings.limit = limit;
  Budget budget{.limit = limit, .simulation = simulate(table, scores, settings)};
  budget.cost = mean_cost(costs, budget.simulation.stopped, settings.asks_model);
  return budget;
}

// With six digits and not below it, so that a target of what is told can be reached.
std::string rounded_up(double value) {
  std::string text = fmt::format("{:.6g}", value);
  if (const double shown = std::stod(text); shown < value)
    text = fmt::format("{:.6g}", shown + std::pow(10, std::floor(std::log10(std::abs(value))) - 5));
  return text;
}

Budget within_cost(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs, double most,
                   const SimulationSettings& settings, std::string_view unit) {
  const std::vector<double> limits = all_limits(scores);  // the cost rises with them
  const auto cost = [&](double limit) {
    return mean_cost(costs, stopped_at(table, scores, limit), settings.asks_model);
  };
  const auto dear = std::partition_point(limits.begin(), limits.end(), [&](double l) { return cost(l) <= most; });
  if (dear == limits.begin())
    throw Error(fmt::format("target {:.6g} {}: cannot be reached; the nearest is {}, all images stopping first", most,
                            unit, rounded_up(cost(limits.front()))));
  return budget_at(table, scores, costs, settings, *(dear - 1));
}

Budget within_drop(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs, double points,
                   const SimulationSettings& settings, std::string_view unit) {
  double reference = 0;
  for (std::size_t k = 0; k < table.stages(); ++k) reference = std::max(reference, simulate_static(table, k).top1);
  const std::vector<double> limits = all_limits(scores);
  const std::size_t tries = std::min<std::size_t>(limits.size(), 1000);
  double best = 0;
  for (std::size_t i = 0; i < tries; ++i) {
    const std::size_t at = tries == 1 ? 0 : i * (limits.size() - 1) / (tries - 1);
    Budget budget = budget_at(table, scores, costs, settings, limits[at]);
    if (budget.simulation.top1 >= reference - points / 100 - 1e-12) return budget;
    best = std::max(best, budget.simulation.top1);
  }
  throw Error(fmt::format("target {:.6g} {}: cannot be reached; the nearest is {}", points, unit,
                          rounded_up(100 * (reference - best))));
}

}  // namespace

StageCosts mac_costs(const CascadeTable& table) { return {table.network_mmac, table.policy_mmac}; }

double mean_cost(const StageCosts& costs, std::span<const std::int64_t> stopped, bool asks_model) {
  double sum = 0, through = 0, images = 0;
  for (std::size_t k = 0; k < stopped.size(); ++k) {
    through += costs.stages[k] + (asks_model && k < costs.policies.size() ? costs.policies[k] : 0);
    sum += through * static_cast<double>(stopped[k]);
    images += static_cast<double>(stopped[k]);
  }
  return sum / images;
}

double finite_limit(std::span<const double> scores, double limit) {
  if (std::isfinite(limit) || scores.empty()) return limit;
  const auto largest = static_cast<float>(*std::ranges::max_element(scores));
  return static_cast<double>(std::nextafter(largest, std::numeric_limits<float>::infinity()));
}

Budget find_budget(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs,
                   const Goal& target, const SimulationSettings& settings, std::string_view unit) {
  if (table.stages() < 2) throw UsageError("budget: a single stage has no threshold");
  return target.kind == Goal::Kind::cost ? within_cost(table, scores, costs, target.value, settings, unit)
                                         : within_drop(table, scores, costs, target.value, settings, unit);
}

std::vector<double> spread_limits(const CascadeTable& table, std::span<const double> scores, int count,
                                  bool asks_model) {
  const double most = finite_limit(scores, std::numeric_limits<double>::infinity());
  const double low = mmac_at(table, scores, *std::ranges::min_element(scores), asks_model);
  const double high = mmac_at(table, scores, most, asks_model);
  std::vector<double> limits;
  for (int i = 0; i < count; ++i) {
    const double wanted = low + (high - low) * (i + 0.5) / count;
    limits.push_back(finite_limit(scores, limit_at_mmac(table, scores, wanted, asks_model)));
  }
  std::ranges::sort(limits);
  limits.erase(std::unique(limits.begin(), limits.end()), limits.end());
  return limits;
}

}  // namespace cascadecl
