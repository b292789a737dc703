#include "tests/bench/timing.h"

#include <algorithm>
#include <chrono>

namespace cascadecl::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 10;

double run_once(const Device& device, const std::function<void()>& item) {
  const auto start = Clock::now();
  item();
  device.finish();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::vector<double> medians(const Device& device, const std::vector<std::function<void()>>& items, double seconds) {
  std::vector<std::vector<double>> times(items.size());
  std::vector<double> spent(items.size());
  for (const auto& item : items) run_once(device, item);
  for (int round = 1; round <= kRounds; ++round) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      while (spent[i] < seconds * round / kRounds) {
        times[i].push_back(run_once(device, items[i]));
        spent[i] += times[i].back();
      }
    }
  }
  std::vector<double> result;
  for (std::vector<double>& list : times) {
    if (list.empty()) list.push_back(0);
    std::ranges::nth_element(list, list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2));
    result.push_back(list[list.size() / 2]);
  }
  return result;
}

}  // namespace cascadecl::bench
