#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/statistics.h"
#include "runtime/study/runs/profile_file.h"

namespace cascadecl {

struct ComparedQuantity {
  std::string workload, quantity;
  Sample a, b;
  Difference difference;                 // welch(a, b)
  std::optional<bool> significant;       // at 5 % over all quantities together; empty where there is no p value
  std::optional<double> change() const;  // of a; empty if a is 0
};

struct ProfileComparison {
  std::vector<ComparedQuantity> quantities;       // in a's order
  std::vector<std::string> not_compared;          // "alone 1, mj_per_image: only in A"
  std::vector<std::string> settings_that_differ;  // "batch_size: 128 and 64"
};

// Significance: the Holm-Bonferroni procedure at 5 % over the p values. Throws UsageError if nothing is in both.
ProfileComparison compare_profiles(const ProfileWindows& a, const ProfileWindows& b);

}  // namespace cascadecl
