#include "cli/line_reader.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "data/files/error.h"

namespace cascadecl {

LineReader::LineReader(int file, std::string name, char end) : file_(file), end_(end), name_(std::move(name)) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw Error(fmt::format("{}: no pipe: {}", name_, std::strerror(errno)));
  wake_read_ = ends[0];
  wake_write_ = ends[1];
}

LineReader::~LineReader() {
  ::close(wake_read_);
  ::close(wake_write_);
}

void LineReader::stop() {
  if (stopped_.exchange(true)) return;
  [[maybe_unused]] const auto written = ::write(wake_write_, "", 1);
}

void LineReader::wait() const {
  std::array<pollfd, 2> watched = {{{wake_read_, POLLIN, 0}, {file_, POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0)
    if (errno != EINTR && errno != EAGAIN) throw FileError(fmt::format("{}: {}", name_, std::strerror(errno)));
}

bool LineReader::fill() {
  std::array<char, 4096> some{};
  ssize_t bytes = 0;
  do {
    wait();
    if (stopped_) return false;
    bytes = ::read(file_, some.data(), some.size());
  } while (bytes < 0 && (errno == EINTR || errno == EAGAIN));
  if (bytes < 0) throw FileError(fmt::format("{}: {}", name_, std::strerror(errno)));
  read_.append(some.data(), static_cast<std::size_t>(bytes));
  return bytes > 0;
}

std::optional<std::string> LineReader::next() {
  std::size_t end = read_.find(end_);
  while (end == std::string::npos) {
    const std::size_t before = read_.size();
    if (!fill()) break;
    end = read_.find(end_, before);
  }
  if (stopped_ || read_.empty()) return std::nullopt;
  if (end == std::string::npos) return std::exchange(read_, {});  // the last line, without an end
  std::string line = read_.substr(0, end);
  read_.erase(0, end + 1);
  return line;
}

}  // namespace cascadecl
