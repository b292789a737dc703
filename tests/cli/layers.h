#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

// Runs of the program behind the layers of tests/opencl_layer: environments for cascadecl_run().
namespace cascadecl::testing {

// PoCL shows as many devices as the entries need, and OPENCL_PRESENT says how they look: see
// tests/opencl_layer/present.h.
inline std::vector<std::string> presented(const std::string& entries, const std::string& devices = "pthread") {
  return {"POCL_DEVICES=" + devices, "OPENCL_LAYERS=" PRESENT_LAYER, "OPENCL_PRESENT=" + entries};
}

// Of devices as they are; `plan` is what tests/opencl_layer/faults.h describes.
inline std::vector<std::string> faulty(const std::string& plan, const std::string& devices = "pthread") {
  return {"POCL_DEVICES=" + devices, "OPENCL_LAYERS=" FAULTS_LAYER, "OPENCL_FAULTS=" + plan};
}

// The names of the watched calls that a plan with log=FILE listed, in order.
inline std::vector<std::string> logged_calls(const std::filesystem::path& log) {
  std::vector<std::string> names;
  std::ifstream file(log);
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

// Whether each call is to fail in turn, not some of them.
inline bool every_call() { return std::getenv("CASCADECL_EVERY_CALL") != nullptr; }

// Some of the calls, counted from 1: of each function the first, the last and others between, at most of_each.
inline std::vector<std::size_t> some_of_each(const std::vector<std::string>& calls, std::size_t of_each) {
  std::map<std::string, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < calls.size(); ++i) places[calls[i]].push_back(i + 1);
  if (every_call()) of_each = calls.size();
  std::vector<std::size_t> picked;
  for (const auto& [name, all] : places) {
    const std::size_t n = std::min(all.size(), of_each);
    for (std::size_t i = 0; i < n; ++i) picked.push_back(all[n == 1 ? 0 : i * (all.size() - 1) / (n - 1)]);
  }
  return picked;
}

}  // namespace cascadecl::testing
