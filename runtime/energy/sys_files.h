#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Reads the kernel's files for one source. Failures travel as MeterReadError, which discovery turns into attempts.
class SysFiles {
 public:
  // A hint for a file that is missing, or may not be read; each may be empty.
  using Remedy = std::function<std::string(const std::filesystem::path&)>;

  SysFiles(const MeterEnvironment& environment, std::string source, std::string if_absent, Remedy if_denied);

  const std::string& source() const { return source_; }
  std::string line(const std::filesystem::path& path) const;  // without blanks at its end
  // unit: for the error, "microjoules".
  std::uint64_t number(const std::filesystem::path& path, const std::string& unit) const;
  // The same without its sign: some drivers count what leaves a battery as negative.
  std::uint64_t magnitude(const std::filesystem::path& path, const std::string& unit) const;
  // Empty where the file is missing or cannot be read.
  std::optional<std::string> optional_line(const std::filesystem::path& path) const;
  bool exists(const std::filesystem::path& path) const;

  // The entries of a folder, in ascending order; throws where there is no such folder.
  std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) const;

  MeterReadError error(const std::filesystem::path& path, const std::string& reason) const;

 private:
  std::uint64_t parse(const std::filesystem::path& path, std::string_view text, const std::string& unit) const;
  MeterReadError failure(const std::filesystem::path& path, std::error_code code) const;

  std::function<std::string(const std::filesystem::path&)> read_;
  std::string source_, if_absent_;
  Remedy if_denied_;
};

// "sudo chmod a+r PATH": the file is the remedy.
std::string make_readable(const std::filesystem::path& path);

}  // namespace cascadecl
