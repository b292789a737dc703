#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cascadecl {

// A Python that has these modules, or "". Looks without importing them: tests ask whenever their program starts.
std::string find_python(const std::vector<std::string>& modules);

// Runs a program in `folder`; throws std::runtime_error if it fails.
void run_python(const std::string& python, const std::filesystem::path& folder, const std::string& program);

}  // namespace cascadecl
