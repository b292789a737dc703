#pragma once
#include <filesystem>

namespace cascadecl {

// The files that AtomicFile writes under a temporary name, so that none of them stays: not after a signal that ends the
// process, nor, of a process that was killed, after the next one that writes the same target.

// The name of a new temporary file beside its target. It holds the machine and the process, and the target's name.
std::filesystem::path temporary_name(const std::filesystem::path& target);

// Removes those of a target whose processes, of this machine, are no more.
void remove_abandoned(const std::filesystem::path& target);

// Keeps a temporary file in mind while it lives, for remove_temporary_files_on_signals().
class TemporaryFileMark {
 public:
  explicit TemporaryFileMark(const std::filesystem::path& file);
  ~TemporaryFileMark();
  TemporaryFileMark(const TemporaryFileMark&) = delete;
  TemporaryFileMark& operator=(const TemporaryFileMark&) = delete;

 private:
  std::size_t place_;
};

// For programs: from now on SIGINT, SIGTERM and SIGHUP, unless they are ignored or handled otherwise, end the process
// as they do by default, after the temporary files are removed.
void remove_temporary_files_on_signals();

}  // namespace cascadecl
