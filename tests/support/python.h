#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cascadecl {

// A Python that has these modules, or "". Looks once for each list, without importing them.
std::string find_python(const std::vector<std::string>& modules);

// Whether one was found; says so if the test is skipped. Asked in tests, not where they are declared: each of ctest's
// entries starts the program, and most need no Python.
bool there_is(const std::string& python);

// Runs a program in `folder`; throws std::runtime_error if it fails.
void run_python(const std::string& python, const std::filesystem::path& folder, const std::string& program);

}  // namespace cascadecl
