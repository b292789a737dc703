#include "data/files/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "data/files/error.h"
#include "data/files/temporary_files.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& target, const std::string& what, int error) {
  throw OutputError(fmt::format("{}: cannot write: {}: {}", target.string(), what, std::strerror(error)));
}

// A POSIX file descriptor that is closed on all paths.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

fs::path resolve(const fs::path& target) {
  std::error_code ignored;
  if (!fs::is_symlink(target, ignored)) return target;
  const fs::path resolved = fs::weakly_canonical(target, ignored);
  return resolved.empty() ? target : resolved;
}

void check_target(const fs::path& target) {
  if (target.empty() || !target.has_filename())
    throw OutputError(fmt::format("'{}': not a file name", target.string()));
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) throw OutputError(fmt::format("{}: cannot write: is a folder", target.string()));
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw OutputError(fmt::format("{}: cannot write: not a regular file", target.string()));
  if (fs::exists(status) && ::access(target.c_str(), W_OK) != 0) fail(target, "existing file", errno);
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(resolve(target)) {
  check_target(target_);
  remove_abandoned(target_);
  create_temporary();
}

// Creates a new empty file of a name that nobody else uses, with the permissions that the user's umask grants.
void AtomicFile::create_temporary() {
  for (;;) {
    temporary_ = temporary_name(target_);
    mark_.emplace(temporary_);
    Descriptor file(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.valid()) return;
    if (errno != EEXIST) fail(target_, fmt::format("in folder {}", folder_of(target_).string()), errno);
  }
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::append(const std::string& text) {
  Descriptor file(::open(temporary_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file.valid()) fail(target_, "opening the temporary file", errno);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(target_, "writing", n < 0 ? errno : EIO);
    done += static_cast<std::size_t>(n);
  }
  if (file.close() != 0) fail(target_, "closing", errno);
}

void AtomicFile::commit() {
  Descriptor file(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) fail(target_, "opening the temporary file", errno);
  if (::fsync(file.get()) != 0) fail(target_, "syncing to disk", errno);
  if (file.close() != 0) fail(target_, "closing", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(target_, "renaming the finished file", errno);
  committed_ = true;
  // Makes the new name durable. Some file systems cannot sync a folder (EINVAL): the file is whole all the same.
  Descriptor folder(::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) ::fsync(folder.get());
}

}  // namespace cascadecl
