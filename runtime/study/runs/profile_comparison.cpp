#include "runtime/study/runs/profile_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/files/error.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

using nlohmann::json;

constexpr double level = 0.05;
constexpr const char* quantities[] = {"ms_per_image", "mj_per_image", "marginal_mj_per_image"};

std::vector<double> numbers(const json& list, const std::string& where) {
  std::vector<double> values;
  for (const json& entry : list) {
    if (!entry.is_number() || !std::isfinite(entry.get<double>()))
      throw FileError(where + ": expected a list of numbers");
    values.push_back(entry.get<double>());
  }
  if (values.empty()) throw FileError(where + ": expected at least one window");
  return values;
}

void add_workload(const json& workload, const std::string& where, ProfileFile& file) {
  const auto name = workload.find("name");
  if (!workload.is_object() || name == workload.end() || !name->is_string())
    throw FileError(where + ": field 'name' is missing or no text");
  for (const char* quantity : quantities) {
    const std::string field = std::string("windows_") + quantity;
    const auto windows = workload.find(field);
    if (windows == workload.end() || windows->is_null()) continue;
    if (!windows->is_array()) throw FileError(fmt::format("{}: field '{}': expected a list or null", where, field));
    file.series.push_back(
        {name->get<std::string>(), quantity, {numbers(*windows, fmt::format("{}: field '{}'", where, field))}});
  }
}

std::string key(const ProfileFile::Series& series) { return series.workload + ", " + series.quantity; }

const ProfileFile::Series* find(const ProfileFile& file, const std::string& wanted) {
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

ProfileFile parse_profile(const std::string& text, const std::string& name) {
  check_json_depth(text, name);
  const json content = json::parse(text, nullptr, false);
  if (!content.is_object() || content.value("format", json()) != "cascadecl-profile")
    throw FileError(name + ": is no profile as `cascadecl profile --json` prints it");
  if (content.value("format_version", json()) != 1) throw FileError(name + ": field 'format_version': expected 1");
  const auto workloads = content.find("workloads");
  if (workloads == content.end() || !workloads->is_array())
    throw FileError(name + ": field 'workloads': expected a list");
  ProfileFile file;
  for (const char* setting : {"device", "images", "batch_size", "precision", "policy"})
    if (const auto found = content.find(setting); found != content.end()) file.settings[setting] = found->dump();
  for (std::size_t i = 0; i < workloads->size(); ++i)
    add_workload((*workloads)[i], fmt::format("{}: workloads[{}]", name, i), file);
  if (file.series.empty()) throw FileError(name + ": field 'workloads': holds no windows");
  return file;
}

ProfileFile read_profile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(path.string() + ": cannot be opened");
  return parse_profile(std::string(std::istreambuf_iterator<char>(in), {}), path.string());
}

std::optional<double> ComparedQuantity::change() const {
  const double before = a.mean();
  return before == 0 ? std::nullopt : std::optional(difference.mean / before);
}

ProfileComparison compare_profiles(const ProfileFile& a, const ProfileFile& b) {
  ProfileComparison comparison;
  for (const ProfileFile::Series& series : a.series) {
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
  for (const ProfileFile::Series& series : b.series)
    if (!find(a, key(series))) comparison.not_compared.push_back(key(series) + ": only in B");
  if (comparison.quantities.empty()) throw UsageError("profile compare: the two profiles have no run in common");
  mark_significant(comparison.quantities);
  for (const auto& [setting, value] : a.settings)
    if (const auto other = b.settings.find(setting); other != b.settings.end() && other->second != value)
      comparison.settings_that_differ.push_back(fmt::format("{}: {} and {}", setting, value, other->second));
  return comparison;
}

}  // namespace cascadecl
