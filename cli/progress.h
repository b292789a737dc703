#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cascadecl {

// A line on stderr that shows how far a long task is: "evaluating  [#####-----]  4,096/10,000  1,024 images/s  0:06
// left". Only on a terminal and at most five times a second; otherwise nothing is written. The line is wiped on
// destruction.
class Progress {
 public:
  // total in `unit`; more than 0. The task began `elapsed_s` seconds ago.
  Progress(std::string task, std::int64_t total, bool quiet, double elapsed_s = 0, std::string unit = "images");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` images of the total; `note` stands at the end of the line ("loss 1.234  accuracy 56.7 %").
  void update(std::int64_t done, std::string_view note = {});
  void wipe();  // before other output; update() shows the line again

 private:
  std::string task_, unit_;
  std::int64_t total_;
  bool shown_, dirty_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// The parts of the line, and the line in at most so many columns: the note goes first, then the bar, then the task's
// end. The numbers stay.
struct ProgressParts {
  std::string task;
  double share = 0;  // done, 0..1
  std::string numbers, note;
};
std::string progress_line(const ProgressParts& parts, std::size_t width);

// A line on stderr that stays, unless quiet.
void note(std::string_view line, bool quiet);

// "1:02:03" or "2:03".
std::string clock_text(double seconds);

}  // namespace cascadecl
