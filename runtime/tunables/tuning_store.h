#pragma once
#include <filesystem>
#include <string>

#include "runtime/tunables/tuning_table.h"

namespace cascadecl {

// The tuning file of one device on disk. Written beside and renamed under a lock, so that several processes may tune at
// once: what one has found is never lost to the other, and a process that dies leaves the file as it was.
class TuningStore {
 public:
  // The file of a device in a folder of the user's: named by platform and device. An empty folder: nothing is kept.
  static TuningStore of_device(const std::filesystem::path& folder, const TuningOwner& owner);
  TuningStore(std::filesystem::path file, TuningOwner owner) : file_(std::move(file)), owner_(std::move(owner)) {}

  const std::filesystem::path& file() const { return file_; }

  // The entries of the file; none where there is no file. A file that cannot be read or is spoiled, of another driver
  // version or of another device is not used: a warning says so.
  TuningTable load(const WarningHandler& warning) const;

  // Adds the entries to those that are in the file by now, replacing equal keys, and writes it. A file that load()
  // would not use is replaced. Throws OutputError.
  void merge(const TuningTable& found) const;

 private:
  std::filesystem::path file_;
  TuningOwner owner_;
};

}  // namespace cascadecl
