#include "data/files/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/files/error.h"

namespace cascadecl {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw FileError(fmt::format("{}: {}", path.string(), problem));
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::uint64_t most) {
  // Without O_NONBLOCK a pipe that nobody writes to would be waited for.
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) fail(path, errno == ENOENT ? "no such file" : fmt::format("cannot be read: {}", std::strerror(errno)));
  const struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat status {};
  if (::fstat(file, &status) != 0) fail(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  if (S_ISDIR(status.st_mode)) fail(path, "is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) fail(path, "is a pipe or a device, expected a file");
  if (static_cast<std::uint64_t>(status.st_size) > most)
    fail(path, fmt::format("has {} bytes, expected at most {}", status.st_size, most));
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t bytes = ::read(file, text.data() + done, text.size() - done);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail(path, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (bytes == 0) break;
    done += static_cast<std::size_t>(bytes);
  }
  text.resize(done);
  return text;
}

}  // namespace cascadecl
