#include "runtime/energy/sys_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace cascadecl {

namespace fs = std::filesystem;

SysFiles::SysFiles(const MeterEnvironment& environment, std::string source, std::string if_absent, Remedy if_denied)
    : read_(environment.read_file),
      source_(std::move(source)),
      if_absent_(std::move(if_absent)),
      if_denied_(std::move(if_denied)) {}

MeterReadError SysFiles::failure(const fs::path& path, std::error_code code) const {
  MeterAttempt attempt{source_, path.string(), code.message(), ""};
  if (code == std::errc::no_such_file_or_directory) attempt.remedy = if_absent_;
  if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted)
    attempt.remedy = if_denied_(path);
  return MeterReadError(attempt);
}

MeterReadError SysFiles::error(const fs::path& path, const std::string& reason) const {
  return MeterReadError({source_, path.string(), reason, ""});
}

std::string SysFiles::line(const fs::path& path) const try {
  std::string text = read_(path);
  text.erase(std::min(text.size(), text.find_last_not_of(" \t\r\n") + 1));
  return text;
} catch (const std::system_error& thrown) {
  throw failure(path, thrown.code());
}

std::uint64_t SysFiles::parse(const fs::path& path, std::string_view text, const std::string& unit) const {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    throw error(path, fmt::format("holds \"{}\", expected {}", text, unit));
  return value;
}

std::uint64_t SysFiles::number(const fs::path& path, const std::string& unit) const {
  return parse(path, line(path), unit);
}

std::uint64_t SysFiles::magnitude(const fs::path& path, const std::string& unit) const {
  const std::string text = line(path);
  return parse(path, std::string_view(text).substr(text.starts_with('-') ? 1 : 0), unit);
}

std::optional<std::string> SysFiles::optional_line(const fs::path& path) const try {
  return line(path);
} catch (const MeterReadError&) {
  return std::nullopt;
}

bool SysFiles::exists(const fs::path& path) const {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<fs::path> SysFiles::entries(const fs::path& folder) const {
  std::vector<fs::path> found;
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) found.push_back(entry->path());
  if (code) throw failure(folder, code);
  std::sort(found.begin(), found.end());
  return found;
}

std::string make_readable(const fs::path& path) {
  return fmt::format("sudo chmod a+r {}, or run as root", path.string());
}

}  // namespace cascadecl
