#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/energy_model.h"
#include "runtime/statistics.h"
#include "runtime/study/runs/cascade_profile.h"

namespace cascadecl {

// A profile and how it was made.
struct ProfileRecord {
  int runs = 0, batch_size = 0;
  std::string device, kernel_class, precision;
  std::string policy = "{}";  // what decided, a JSON object
  CascadeProfile profile;
  std::optional<EnergyModel> estimate = {};  // set if energy is also estimated
};

// The text of a profile file, as `cascadecl profile --json` prints it (share/doc/energy.md).
std::string to_json(const ProfileRecord& record);

// One figure of a workload: a text, a number or a count; nothing of them where it is unknown.
struct ProfileField {
  const char* name;
  std::string text = {};
  std::optional<double> number = {};
  std::optional<std::int64_t> count = {};
};

// The figures of a workload in the order of the file, less the lists. All workloads of a record have the same ones.
std::vector<ProfileField> workload_fields(const ProfileRecord& record, const ProfiledWorkload& workload);

// What a comparison needs of a profile file.
struct ProfileWindows {
  std::map<std::string, std::string> settings;  // device, batch_size, precision, policy, images
  // Windows by workload and quantity ("ms_per_image", "mj_per_image", "marginal_mj_per_image"), in the file's order.
  struct Series {
    std::string workload, quantity;
    Sample windows;
  };
  std::vector<Series> series;  // at least one
};

// Throws FileError naming file, field and what was expected. parse_profile: `name` stands for the file in errors.
ProfileWindows read_profile(const std::filesystem::path& path);
ProfileWindows parse_profile(const std::string& text, const std::string& name);

}  // namespace cascadecl
