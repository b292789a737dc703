#pragma once
#include <filesystem>
#include <fstream>
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

}  // namespace cascadecl::testing
