#include "runtime/opencl/program_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "runtime/read_file.h"

namespace cascadecl {
namespace {

constexpr std::string_view kMagic = "cascadecl program 1\n";

// FNV-1a, 64 bit. Only names the file: the whole key inside decides.
std::uint64_t hash(std::string_view bytes) {
  std::uint64_t h = 14695981039346656037ULL;
  for (unsigned char c : bytes) h = (h ^ c) * 1099511628211ULL;
  return h;
}

// File: magic, key length, binary length and binary hash in a text line, key, binary.
std::string header(const std::string& key, std::string_view binary) {
  return fmt::format("{}{} {} {:016x}\n{}", kMagic, key.size(), binary.size(), hash(binary), key);
}

// The binary of an entry's bytes; empty unless all of the entry is as it was stored for this key.
std::string_view binary_of(std::string_view bytes, const std::string& key) {
  const std::size_t line_end = bytes.find('\n', std::min(kMagic.size(), bytes.size()));
  if (line_end == std::string_view::npos) return {};
  const std::size_t start = line_end + 1 + key.size();
  if (start > bytes.size()) return {};
  const std::string_view binary = bytes.substr(start);
  return bytes.substr(0, start) == header(key, binary) ? binary : std::string_view{};
}

// A name beside the entry that no other process or thread uses.
std::string temporary_name(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter{0};  // only keeps names of one process apart
  return fmt::format("{}.{}-{}", target.string(), ::getpid(), counter++);
}

}  // namespace

std::filesystem::path ProgramCache::default_folder() {
  if (const char* named = std::getenv("CASCADECL_CACHE_DIR")) return named;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return std::filesystem::path(xdg) / "cascadecl";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".cache" / "cascadecl";
  return {};
}

std::filesystem::path ProgramCache::entry(const std::string& key) const {
  return folder_ / fmt::format("{:016x}.clbin", hash(key));
}

std::optional<std::vector<unsigned char>> ProgramCache::load(const std::string& key,
                                                             const WarningHandler& warning) const {
  if (folder_.empty()) return std::nullopt;
  const std::optional<std::string> bytes = read_file(entry(key), warning);
  if (!bytes) return std::nullopt;
  const std::string_view binary = binary_of(*bytes, key);
  if (binary.empty()) {
    warn(warning, fmt::format("{}: spoiled or of another program: dropped and built anew", entry(key).string()));
    drop(key);
    return std::nullopt;
  }
  return std::vector<unsigned char>(binary.begin(), binary.end());
}

void ProgramCache::store(const std::string& key, const std::vector<unsigned char>& binary) const {
  if (folder_.empty() || binary.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::filesystem::path target = entry(key);
  const std::filesystem::path beside = temporary_name(target);
  {
    std::ofstream out(beside, std::ios::binary);
    const std::string_view bytes(reinterpret_cast<const char*>(binary.data()), binary.size());
    out << header(key, bytes) << bytes;
    out.close();
    if (!out) {
      std::filesystem::remove(beside, ignored);
      return;
    }
  }
  std::filesystem::rename(beside, target, ignored);
  if (ignored) std::filesystem::remove(beside, ignored);
}

void ProgramCache::drop(const std::string& key) const {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove(entry(key), ignored);
}

std::string program_key(const DeviceInfo& device, const std::string& source, const std::string& options) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", device.platform_name, device.name, device.opencl_version,
                     device.driver_version, options, source);
}

}  // namespace cascadecl
