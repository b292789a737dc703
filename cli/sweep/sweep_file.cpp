#include "cli/sweep/sweep_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "data/files/text_file.h"
#include "trainer/settings.h"

namespace cascadecl {
namespace {

std::string figure(double value) { return fmt::format("{:.6g}", value); }
std::string figure(std::optional<double> value) { return value ? figure(*value) : ""; }

// What a table shows of a point; empty where it is unknown.
struct Column {
  const char* title;
  std::string (*cell)(const SweepPoint&);
};

const Column columns[] = {
    {"policy", [](const SweepPoint& p) { return p.policy; }},
    {"joint", [](const SweepPoint& p) { return p.joint_loss.empty() ? std::string("false") : p.joint_loss; }},
    {"parameter", [](const SweepPoint& p) { return figure(p.parameter); }},
    {"alpha", [](const SweepPoint& p) { return figure(p.alpha); }},
    {"seed", [](const SweepPoint& p) { return p.seed ? std::to_string(*p.seed) : ""; }},
    {"combine", [](const SweepPoint& p) { return p.combine; }},
    {"top1", [](const SweepPoint& p) { return figure(p.top1); }},
    {"top5", [](const SweepPoint& p) { return figure(p.top5); }},
    {"mmac_per_image", [](const SweepPoint& p) { return figure(p.mmac_per_image); }},
    {"mac_fraction", [](const SweepPoint& p) { return figure(p.mac_fraction); }},
    {"ms_per_image", [](const SweepPoint& p) { return figure(p.ms_per_image); }},
    {"mj_per_image", [](const SweepPoint& p) { return figure(p.mj_per_image); }},
    {"stopped", [](const SweepPoint& p) { return fmt::format("{}", fmt::join(p.stopped, " ")); }}};

// What a sweep of this many stages has left.
Sweep read_begun_sweep(const std::filesystem::path& path, std::size_t stages) {
  const std::string text = read_text_file(path, most_json_bytes);
  try {
    Sweep sweep = parse_begun_sweep(text, path.string());
    if (!sweep.stages.empty() && sweep.stages.size() != stages)
      throw FileError(
          fmt::format("{}: field 'stages' holds {}, the model has {}", path.string(), sweep.stages.size(), stages));
    return sweep;
  } catch (const FileError& error) {
    throw FileError(fmt::format("{}; to begin another sweep, give another -o", error.what()));
  }
}

}  // namespace

SweepFile::SweepFile(std::filesystem::path path, Sweep fresh, std::size_t stages)
    : path_(std::move(path)), sweep_(std::move(fresh)) {
  AtomicFile probe(path_);  // fails now rather than after the work
  if (!std::filesystem::exists(path_)) return;
  Sweep old = read_begun_sweep(path_, stages);
  const std::string other = differences(old.settings, sweep_.settings);
  if (!other.empty())
    throw UsageError(fmt::format("-o {}: holds a sweep of other settings: {}; give another -o", path_.string(), other));
  sweep_ = std::move(old);
}

void SweepFile::set_stages(std::vector<SweepStage> stages, const std::string& energy_reason) {
  sweep_.stages = std::move(stages);
  sweep_.energy_reason = energy_reason;
  write();
}

void SweepFile::add(const std::vector<SweepPoint>& points, double seconds) {
  sweep_.points.insert(sweep_.points.end(), points.begin(), points.end());
  ++sweep_.tasks_done;
  sweep_.seconds += seconds;
  write();
}

void SweepFile::write() const {
  AtomicFile file(path_);
  file.append(to_json(sweep_));
  file.commit();
}

std::string sweep_csv(const Sweep& sweep) {
  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (const Column& column : columns) line += (line.empty() ? "" : ",") + cell_of(column);
    text += line + "\n";
  };
  add_line([](const Column& column) { return std::string(column.title); });
  for (const SweepPoint& point : sweep.points) add_line([&](const Column& column) { return column.cell(point); });
  return text;
}

std::string sweep_markdown(const Sweep& sweep) {
  std::string text = "|", line = "|";
  for (const Column& column : columns) {
    text += fmt::format(" {} |", column.title);
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const SweepPoint& point : sweep.points) {
    text += "|";
    for (const Column& column : columns) text += fmt::format(" {} |", column.cell(point));
    text += "\n";
  }
  return text;
}

}  // namespace cascadecl
