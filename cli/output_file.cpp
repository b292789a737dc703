#include "cli/output_file.h"

#include <fmt/format.h>

#include "data/files/atomic_file.h"
#include "data/files/error.h"

namespace cascadecl {

void check_not_input(std::string_view flag, const std::string& path, std::span<const std::filesystem::path> inputs) {
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return;
  for (const std::filesystem::path& input : inputs)
    if (std::filesystem::equivalent(path, input, error))
      throw UsageError(fmt::format("{}: {} is an input of this command, and would be replaced", flag, path));
}

void check_writable(const std::string& path) {
  if (!path.empty()) AtomicFile{path};
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  AtomicFile file(path);
  file.append(text);
  file.commit();
}

}  // namespace cascadecl
