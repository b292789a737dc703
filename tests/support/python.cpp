#include "tests/support/python.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace cascadecl {

std::string find_python(const std::vector<std::string>& modules) {
  std::string look = "import sys; from importlib.util import find_spec as f; sys.exit(not (True";
  for (const std::string& module : modules) look += " and f('" + module + "')";
  look += "))";
  for (const char* candidate : {"python3", "/usr/bin/python3"})
    if (std::system((std::string(candidate) + " -c \"" + look + "\" >/dev/null 2>&1").c_str()) == 0) return candidate;
  return "";
}

void run_python(const std::string& python, const std::filesystem::path& folder, const std::string& program) {
  std::ofstream(folder / "program.py") << program;
  if (std::system(("cd '" + folder.string() + "' && " + python + " program.py").c_str()) != 0)
    throw std::runtime_error("the Python program failed");
}

}  // namespace cascadecl
