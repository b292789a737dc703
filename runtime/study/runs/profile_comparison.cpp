#include "runtime/study/runs/profile_comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr double level = 0.05;
std::string key(const ProfileWindows::Series& series) { return series.workload + ", " + series.quantity; }

const ProfileWindows::Series* find(const ProfileWindows& file, const std::string& wanted) {
  const auto found = std::ranges::find(file.series, wanted, key);
  return found == file.series.end() ? nullptr : &*found;
}

// Holm 1979: from the smallest p value on, against level / (number of those left), until one fails.
void mark_significant(std::vector<ComparedQuantity>& compared) {
  std::vector<ComparedQuantity*> order;
  for (ComparedQuantity& of : compared)
    if (of.difference.p_value) order.push_back(&of);
  std::ranges::sort(order, {}, [](const ComparedQuantity* of) { return *of->difference.p_value; });
  bool holds = true;
  for (std::size_t i = 0; i < order.size(); ++i) {
    holds = holds && *order[i]->difference.p_value <= level / static_cast<double>(order.size() - i);
    order[i]->significant = holds;
  }
}

}  // namespace

std::optional<double> ComparedQuantity::change() const {
  const double before = a.mean();
  return before == 0 ? std::nullopt : std::optional(difference.mean / before);
}

ProfileComparison compare_profiles(const ProfileWindows& a, const ProfileWindows& b) {
  ProfileComparison comparison;
  for (const ProfileWindows::Series& series : a.series) {
    if (const auto* other = find(b, key(series)))
      comparison.quantities.push_back({series.workload,
                                       series.quantity,
                                       series.windows,
                                       other->windows,
                                       welch(series.windows, other->windows),
                                       {}});
    else
      comparison.not_compared.push_back(key(series) + ": only in A");
  }
  for (const ProfileWindows::Series& series : b.series)
    if (!find(a, key(series))) comparison.not_compared.push_back(key(series) + ": only in B");
  if (comparison.quantities.empty()) throw UsageError("profile compare: the two profiles have no run in common");
  mark_significant(comparison.quantities);
  for (const auto& [setting, value] : a.settings)
    if (const auto other = b.settings.find(setting); other != b.settings.end() && other->second != value)
      comparison.settings_that_differ.push_back(fmt::format("{}: {} and {}", setting, value, other->second));
  return comparison;
}

}  // namespace cascadecl
