#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/opencl/device_info.h"
#include "runtime/warning.h"

namespace cascadecl {

// Built programs on disk, so that a kernel is compiled once for a device. There is one file for each entry, named by a
// hash of platform, device, driver, source and build options. The entry holds that key in full, so one that is stale,
// foreign or spoiled is never used. Entries are written beside and renamed, so several processes may share the folder.
// Every failure here means "not cached", never an error.
class ProgramCache {
 public:
  // An empty folder switches the cache off.
  explicit ProgramCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // $CASCADECL_CACHE_DIR, else $XDG_CACHE_HOME/cascadecl, else ~/.cache/cascadecl; empty if none can be named.
  static std::filesystem::path default_folder();
  static constexpr std::string_view kNoFolder =
      "there is no cache folder: CASCADECL_CACHE_DIR is empty, or neither XDG_CACHE_HOME nor HOME is set";

  // Whether there is a folder. Without one nothing is loaded or stored.
  bool keeps() const { return !folder_.empty(); }

  // Nothing where there is no entry. A spoiled entry is dropped, with a warning, and counts as none.
  std::optional<std::vector<unsigned char>> load(const std::string& key, const WarningHandler& warning) const;
  void store(const std::string& key, const std::vector<unsigned char>& binary) const;
  void drop(const std::string& key) const;

 private:
  std::filesystem::path entry(const std::string& key) const;
  std::filesystem::path folder_;
};

// Everything that decides whether a binary may be reused.
std::string program_key(const DeviceInfo& device, const std::string& source, const std::string& options);

}  // namespace cascadecl
