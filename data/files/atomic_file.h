#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "data/files/temporary_files.h"

namespace cascadecl {

// A file that appears whole or not at all. It is written under a temporary name beside its target. commit() syncs it to
// disk, renames it over the target and syncs the folder. If it is destroyed without commit(), the temporary file is
// removed and the target stays as it was. If the target is a symbolic link, the file that it points to is replaced.
class AtomicFile {
 public:
  // Creates the empty temporary file. Throws OutputError if the folder is missing or not writable, or if the target
  // exists and is a folder, a device or a file without write permission.
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& temporary() const { return temporary_; }

  // Writes all of text at the end of the temporary file. Throws OutputError (full disk). For small text files; larger
  // ones open temporary() themselves, and close it before commit().
  void append(const std::string& text);

  // Throws OutputError if syncing or renaming fails; the target is then as it was. Call once.
  void commit();

 private:
  void create_temporary();

  std::filesystem::path target_, temporary_;
  std::optional<TemporaryFileMark> mark_;
  bool committed_ = false;
};

}  // namespace cascadecl
