#include "cli/standard_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// open() takes the lowest number that is free, and all below this one are taken.
void hold(int file, int mode) {
  if (::fcntl(file, F_GETFD) == -1 && errno == EBADF) [[maybe_unused]]
    const int opened = ::open("/dev/null", mode);
}

}  // namespace

void hold_closed_standard_files() {
  hold(STDIN_FILENO, O_WRONLY);
  hold(STDOUT_FILENO, O_RDONLY);
  hold(STDERR_FILENO, O_WRONLY);
}

void check_standard_input() {
  const int mode = ::fcntl(STDIN_FILENO, F_GETFL);
  if (mode == -1 || (mode & O_ACCMODE) == O_WRONLY) throw FileError("standard input: is closed");
}

std::vector<std::uint8_t> read_standard_input(std::size_t most) {
  check_standard_input();
  std::vector<std::uint8_t> all;
  std::vector<std::uint8_t> some(1 << 16);
  while (true) {
    const ssize_t bytes = ::read(STDIN_FILENO, some.data(), some.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) throw FileError(fmt::format("standard input: {}", std::strerror(errno)));
    if (bytes == 0) return all;
    all.insert(all.end(), some.begin(), some.begin() + bytes);
    if (all.size() > most) throw FileError("standard input: is too large for an image");
  }
}

}  // namespace cascadecl
