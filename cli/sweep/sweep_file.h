#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/study/tradeoff/sweep_file.h"

namespace cascadecl {

// The result of a sweep on its way (share/doc/policy.md, "Sweeps"). Its file is written whole after every piece of
// work, so that an interrupted sweep goes on from there.
class SweepFile {
 public:
  // Goes on with a sweep of the same settings at `path`, or begins `fresh` where there is none. `stages` is how many
  // the model has. Throws FileError if the file is no sweep or a spoiled one, UsageError naming what differs in its
  // settings, OutputError if nothing can be written there.
  SweepFile(std::filesystem::path path, Sweep fresh, std::size_t stages);

  const Sweep& sweep() const { return sweep_; }
  std::size_t tasks_done() const { return static_cast<std::size_t>(sweep_.tasks_done); }
  // These write the file. Throw OutputError.
  void set_stages(std::vector<SweepStage> stages, const std::string& energy_reason);
  void add(const std::vector<SweepPoint>& points, double seconds);  // of the next task

 private:
  void write() const;

  std::filesystem::path path_;
  Sweep sweep_;
};

// The points as text: a line each, under a header.
std::string sweep_csv(const Sweep& sweep);
std::string sweep_markdown(const Sweep& sweep);

}  // namespace cascadecl
