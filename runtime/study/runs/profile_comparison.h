#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/statistics.h"

namespace cascadecl {

// The part of a file of `cascadecl profile --json` that a comparison needs.
struct ProfileFile {
  std::map<std::string, std::string> settings;  // device, batch_size, precision, policy, images
  // Windows by workload and quantity ("ms_per_image", "mj_per_image", "marginal_mj_per_image"), in the file's order.
  struct Series {
    std::string workload, quantity;
    Sample windows;
  };
  std::vector<Series> series;  // at least one
};

// Throws FileError naming file, field and what was expected. parse_profile: `name` stands for the file in errors.
ProfileFile read_profile(const std::filesystem::path& path);
ProfileFile parse_profile(const std::string& text, const std::string& name);

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
ProfileComparison compare_profiles(const ProfileFile& a, const ProfileFile& b);

}  // namespace cascadecl
