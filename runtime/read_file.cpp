#include "runtime/read_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace cascadecl {

std::optional<std::string> read_file(const std::filesystem::path& file, const WarningHandler& warning) {
  std::error_code unknown;
  if (file.empty() || (!std::filesystem::exists(file, unknown) && !unknown)) return std::nullopt;
  try {
    std::ifstream in;
    in.exceptions(std::ios::failbit | std::ios::badbit);
    in.open(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});  // throws where reading fails
  } catch (const std::ios_base::failure&) {
    warn(warning, fmt::format("{}: cannot be read: not used", file.string()));
    return std::nullopt;
  }
}

}  // namespace cascadecl
