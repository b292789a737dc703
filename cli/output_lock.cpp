#include "cli/output_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::filesystem::path lock_file(const std::filesystem::path& output) {
  return output.parent_path() / fmt::format(".{}.lock", output.filename().string());
}

// Whether the open file is still the one of this name: who held it before may have removed it.
bool is_named(int descriptor, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
}

}  // namespace

OutputLock::OutputLock(const std::filesystem::path& output) : file_(lock_file(output)) {
  for (;;) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) return;  // the output cannot be written either, and is the one to say so
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const bool held = errno == EWOULDBLOCK;
      ::close(descriptor_);
      descriptor_ = -1;
      if (!held) return;
      throw UsageError(fmt::format("{}: another process is at work on it", output.string()));
    }
    if (is_named(descriptor_, file_)) {
      mark_.emplace(file_);
      return;
    }
    ::close(descriptor_);
  }
}

OutputLock::~OutputLock() {
  if (descriptor_ < 0) return;
  ::unlink(file_.c_str());
  ::close(descriptor_);
}

}  // namespace cascadecl
