#pragma once
#include <filesystem>
#include <optional>

#include "data/files/temporary_files.h"

namespace cascadecl {

// Holds the name of an output for this process, for a command that writes it after hours: a second one is refused at
// its start. The lock is a file beside the output, which goes with the object, and with the process if that is killed.
class OutputLock {
 public:
  // Throws UsageError if another process holds the output. Where files cannot be locked there is no lock.
  explicit OutputLock(const std::filesystem::path& output);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  std::filesystem::path file_;
  std::optional<TemporaryFileMark> mark_;
  int descriptor_ = -1;
};

}  // namespace cascadecl
