#include "trainer/best_epoch.h"

#include <optional>

namespace cascadecl {

std::string_view to_string(KeepEpoch keep) { return keep == KeepEpoch::best ? "best" : "last"; }

int best_epoch(std::span<const EpochRecord> epochs) {
  std::optional<double> best;
  int epoch = 0;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    const std::optional<double> accuracy = epochs[i].validation_accuracy;
    if (!accuracy || (best && *accuracy <= *best)) continue;
    best = accuracy;
    epoch = static_cast<int>(i) + 1;
  }
  return epoch;
}

bool ends_after(std::span<const EpochRecord> epochs, int all, int patience) {
  const int done = static_cast<int>(epochs.size());
  return done >= all || (patience > 0 && done - best_epoch(epochs) >= patience);
}

}  // namespace cascadecl
