#include "data/import/name_list.h"

#include <fmt/format.h>

#include <fstream>

#include "data/files/error.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t max_names_bytes = 1 << 20;

}  // namespace

void check_regular_file(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) throw FileError(fmt::format("{}: no such file", file.string()));
  if (!fs::is_regular_file(status)) throw FileError(fmt::format("{}: not a regular file", file.string()));
}

std::vector<std::string> read_name_list(const fs::path& file) {
  check_regular_file(file);
  std::error_code error;
  if (const auto size = fs::file_size(file, error); error || size > max_names_bytes)
    throw FileError(fmt::format("{}: {} bytes, expected a short list of names", file.string(), size));
  std::ifstream in(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    line.resize(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) throw FileError(fmt::format("{}: holds no name of a class", file.string()));
  return names;
}

}  // namespace cascadecl
