#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "trainer/sweep.h"

namespace cascadecl {

// The result of a sweep as JSON (share/doc/policy.md, "Sweeps"), written whole after every piece of work, so that an
// interrupted sweep goes on from the file.
class SweepFile {
 public:
  // Goes on with a sweep of the same settings at `path`, or begins `fresh` where there is none. `settings` is all that
  // the points depend on, `stages` how many the model has. Throws FileError if the file is no sweep or a spoiled one,
  // UsageError naming what differs in its settings, OutputError if nothing can be written there.
  SweepFile(std::filesystem::path path, nlohmann::ordered_json fresh, const nlohmann::ordered_json& settings,
            std::size_t stages);

  nlohmann::ordered_json& content() { return content_; }
  std::size_t tasks_done() const;
  // Appends the points of the next task and writes the file. Throws OutputError.
  void add(const std::vector<nlohmann::ordered_json>& points, double seconds);
  void write() const;

 private:
  std::filesystem::path path_;
  nlohmann::ordered_json content_;
};

nlohmann::ordered_json point_json(const TaskPoint& point, std::optional<double> ms_per_image,
                                  std::optional<double> mj_per_image);

// The points as text: a line each, under a header.
std::string sweep_csv(const nlohmann::ordered_json& sweep);
std::string sweep_markdown(const nlohmann::ordered_json& sweep);

}  // namespace cascadecl
