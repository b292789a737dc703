#include "data/files/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// Whether the open file is still the one of this name: who held it before may have renamed it.
bool is_named(int descriptor, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace

PartFile::PartFile(const std::filesystem::path& target) : target_(target), path_(target.string() + ".part") {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("opening");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor_);
      throw DownloadError(fmt::format("{}: another process is downloading it", path_.string()));
    }
    if (is_named(descriptor_, path_)) break;
    ::close(descriptor_);
  }
  size_ = ::lseek(descriptor_, 0, SEEK_END);
}

PartFile::~PartFile() { ::close(descriptor_); }

void PartFile::append(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("writing");
    size_ += written;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void PartFile::clear() {
  if (::ftruncate(descriptor_, 0) != 0) fail("emptying");
  size_ = 0;
}

void PartFile::remove() {
  if (::unlink(path_.c_str()) != 0) fail("removing");
}

void PartFile::become_target() {
  if (::fsync(descriptor_) != 0) fail("syncing to disk");
  if (::rename(path_.c_str(), target_.c_str()) != 0) fail("renaming");
}

void PartFile::fail(std::string_view what) const {
  throw OutputError(fmt::format("{}: cannot write: {}: {}", path_.string(), what, std::strerror(errno)));
}

}  // namespace cascadecl
