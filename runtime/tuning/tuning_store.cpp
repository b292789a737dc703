#include "runtime/tuning/tuning_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "runtime/read_file.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

// Holds the lock of a file, in a file of its own beside it: the file itself is replaced by each write. The system
// frees the lock of a process that dies.
class FileLock {
 public:
  explicit FileLock(const fs::path& file) : path_(file.string() + ".lock") {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw OutputError(fmt::format("{}: cannot be created: {}", path_, std::strerror(errno)));
    while (::flock(fd_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      if (errno == ENOLCK || errno == ENOTSUP) break;  // a file system without locks: the rename keeps the file whole
      const int error = errno;
      ::close(fd_);
      throw OutputError(fmt::format("{}: cannot be locked: {}", path_, std::strerror(error)));
    }
  }
  ~FileLock() { ::close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::string path_;
  int fd_;
};

std::string file_name(const TuningOwner& owner) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a: keeps devices apart whose names look alike
  for (const unsigned char c : owner.platform + '\n' + owner.device) hash = (hash ^ c) * 1099511628211ULL;
  std::string name;
  for (const char c : owner.device.substr(0, 60)) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  }
  return fmt::format("{}-{:08x}.json", name, hash & 0xffffffff);
}

}  // namespace

TuningStore TuningStore::of_device(const fs::path& folder, const TuningOwner& owner) {
  return {folder.empty() ? fs::path() : folder / file_name(owner), owner};
}

TuningTable TuningStore::load(const WarningHandler& warning) const {
  const std::optional<std::string> text = read_file(file_, warning);
  if (!text) return {};
  std::optional<TuningFile> file = parse_tuning_file(*text, file_.string(), warning);
  if (!file) return {};
  const TuningOwner& other = file->owner;
  const bool same_device = other.platform == owner_.platform && other.device == owner_.device;
  if (same_device && other.driver_version == owner_.driver_version) return std::move(file->table);
  warn(warning, same_device ? fmt::format("{}: tuned with driver {}, this is {}: not used; tune again", file_.string(),
                                          other.driver_version, owner_.driver_version)
                            : fmt::format("{}: of another device ({}): not used", file_.string(), other.device));
  return {};
}

void TuningStore::merge(const TuningTable& found) const {
  if (file_.empty() || found.empty()) return;
  std::error_code ignored;
  if (file_.has_parent_path()) fs::create_directories(file_.parent_path(), ignored);
  const FileLock lock(file_);
  TuningFile merged{owner_, load({})};
  for (const auto& [key, entry] : found) merged.table.insert_or_assign(key, entry);
  AtomicFile file(file_);
  file.append(to_json_text(merged));
  file.commit();
}

}  // namespace cascadecl
