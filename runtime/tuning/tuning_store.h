#pragma once
#include <filesystem>
#include <string>

#include "runtime/tuning/tuning_table.h"

namespace cascadecl {

// Keeps the results of tuning for one device in a file. It is written beside and renamed under a lock, so several
// processes may tune at once: no process loses the results of another, and one that dies leaves the file as it was.
class TuningStore {
 public:
  // Uses the device's file in a folder of the user's, named by platform and device. With an empty folder nothing is
  // kept.
  static TuningStore of_device(const std::filesystem::path& folder, const TuningOwner& owner);
  TuningStore(std::filesystem::path file, TuningOwner owner) : file_(std::move(file)), owner_(std::move(owner)) {}

  const std::filesystem::path& file() const { return file_; }

  // The entries of the file; none where there is no file. A file that cannot be read, is spoiled, or belongs to another
  // driver version or device is not used, with a warning.
  TuningTable load(const WarningHandler& warning) const;

  // Writes the entries to the file, beside those that are in it by now; equal keys are replaced. A file that load()
  // would not use is replaced as a whole. Throws OutputError.
  void merge(const TuningTable& found) const;

 private:
  std::filesystem::path file_;
  TuningOwner owner_;
};

}  // namespace cascadecl
