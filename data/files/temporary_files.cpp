#include "data/files/temporary_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

// A place for each file that is being written at once; of more, and of longer names, the file stays after a signal. A
// handler may look at any time: it sees a name only once that is complete.
struct Place {
  enum State { free, taken, complete };
  std::atomic<State> state = free;
  std::array<char, 1024> name{};
};
static_assert(std::atomic<Place::State>::is_always_lock_free);
constexpr std::size_t places = 64;
std::array<Place, places> marked;

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};

void end_by(int signal) {
  for (const Place& place : marked)
    if (place.state == Place::complete) ::unlink(place.name.data());
  // The default is back (SA_RESETHAND), and the signal ends the process once this handler is left.
  ::raise(signal);
}

// Letters, digits and what else does not end a part of the temporary name.
std::string machine_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "unknown";
  std::string name = std::string(buffer.data()).substr(0, 32);
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == '~'; }, '_');
  return name;
}

std::string beginning(const fs::path& target) { return "." + target.filename().string() + "~" + machine_name() + "~"; }

}  // namespace

fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};  // only keeps names of one process apart
  return target.parent_path() / fmt::format("{}{}-{}.tmp", beginning(target), ::getpid(), counter++);
}

void remove_abandoned(const fs::path& target) {
  const std::string start = beginning(target);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(start) || !name.ends_with(".tmp")) continue;
    pid_t process = 0;
    const char* first = name.data() + start.size();
    const auto [rest, fault] = std::from_chars(first, name.data() + name.size(), process);
    if (fault != std::errc{} || *rest != '-' || process <= 0) continue;
    if (::kill(process, 0) != 0 && errno == ESRCH) ::unlink(entry->path().c_str());
  }
}

TemporaryFileMark::TemporaryFileMark(const fs::path& file) : place_(0) {
  std::error_code error;
  const fs::path whole = fs::absolute(file, error);  // the process may go to another folder
  const std::string name = (error ? file : whole).string();
  for (; place_ < places; ++place_) {
    Place& place = marked[place_];
    Place::State expected = Place::free;
    if (!place.state.compare_exchange_strong(expected, Place::taken)) continue;
    if (name.size() >= place.name.size()) return;
    std::copy_n(name.c_str(), name.size() + 1, place.name.begin());
    place.state = Place::complete;
    return;
  }
}

TemporaryFileMark::~TemporaryFileMark() {
  if (place_ < places) marked[place_].state = Place::free;
}

void remove_temporary_files_on_signals() {
  struct sigaction action {};
  action.sa_handler = end_by;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : signals) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) sigaction(signal, &action, nullptr);
  }
}

}  // namespace cascadecl
