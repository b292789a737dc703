#include "tests/support/python.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>

namespace cascadecl {
namespace {

std::string look_for_python(const std::vector<std::string>& modules) {
  std::string look = "import sys; from importlib.util import find_spec as f; sys.exit(not (True";
  for (const std::string& module : modules) look += " and f('" + module + "')";
  look += "))";
  for (const char* candidate : {"python3", "/usr/bin/python3"})
    if (std::system((std::string(candidate) + " -c \"" + look + "\" >/dev/null 2>&1").c_str()) == 0) return candidate;
  return "";
}

}  // namespace

std::string find_python(const std::vector<std::string>& modules) {
  static std::map<std::vector<std::string>, std::string> found;
  const auto known = found.find(modules);
  return known != found.end() ? known->second : found.emplace(modules, look_for_python(modules)).first->second;
}

bool there_is(const std::string& python) {
  if (!python.empty()) return true;
  MESSAGE("skipped: there is no Python with the modules that it needs");
  return false;
}

void run_python(const std::string& python, const std::filesystem::path& folder, const std::string& program) {
  std::ofstream(folder / "program.py") << program;
  if (std::system(("cd '" + folder.string() + "' && " + python + " program.py").c_str()) != 0)
    throw std::runtime_error("the Python program failed");
}

}  // namespace cascadecl
