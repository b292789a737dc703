#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cli/output.h"
#include "cli/screen.h"

namespace cascadecl {
namespace {

constexpr int bar_width = 24;

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const ProgressParts& parts, std::size_t width) {
  const auto with_bar = [&](int cells) {
    const int filled = static_cast<int>(cells * parts.share);
    return fmt::format("{}  [{}{}]  {}", parts.task, std::string(static_cast<std::size_t>(filled), '#'),
                       std::string(static_cast<std::size_t>(cells - filled), '-'), parts.numbers);
  };
  const auto with_note = [&](const std::string& line) { return parts.note.empty() ? line : line + "  " + parts.note; };
  // What is left out, in this order: the note, the bar, the beginning of the task.
  for (const std::string& line : {with_note(with_bar(bar_width)), with_note(with_bar(bar_width / 3)),
                                  with_bar(bar_width / 3), parts.task + "  " + parts.numbers})
    if (line.size() <= width) return line;
  const std::size_t room = width > parts.numbers.size() + 2 ? width - parts.numbers.size() - 2 : 0;
  const std::string line = (room ? parts.task.substr(0, room) + "  " : "") + parts.numbers;
  return line.substr(0, width);
}

Progress::Progress(std::string task, std::int64_t total, bool quiet, double elapsed_s, std::string unit)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      shown_(!quiet && isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now() - std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                    std::chrono::duration<double>(elapsed_s))) {}

Progress::~Progress() { wipe(); }

void Progress::wipe() {
  if (dirty_) draw("\r\033[K");
  dirty_ = false;
}

void Progress::update(std::int64_t done, std::string_view note) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (done < total_ && dirty_ && now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string numbers = fmt::format("{}/{}", grouped(done), grouped(total_));
  if (rate > 0)
    numbers += fmt::format("  {:.{}f} {}/s  {} left", rate, rate < 10 ? 1 : 0, unit_,
                           clock_text(static_cast<double>(total_ - done) / rate));
  const std::string line = progress_line(
      {task_, static_cast<double>(std::min(done, total_)) / static_cast<double>(total_), numbers, std::string(note)},
      terminal_width() - 1);
  draw(fmt::format("\r{}\033[K", line));
  dirty_ = true;
}

void note(std::string_view line, bool quiet) {
  if (!quiet) tell(line);
}

std::string clock_text(double seconds) {
  const long total = std::lround(std::max(seconds, 0.0));
  const long hours = total / 3600, minutes = total / 60 % 60;
  return hours ? fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60)
               : fmt::format("{}:{:02}", minutes, total % 60);
}

}  // namespace cascadecl
