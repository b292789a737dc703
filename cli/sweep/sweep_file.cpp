#include "cli/sweep/sweep_file.h"

#include <fmt/format.h>

#include <array>
#include <fstream>

#include "cli/output.h"
#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "runtime/study/tradeoff/sweep_file.h"
#include "trainer/settings.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr std::array columns = {"policy", "joint", "parameter",      "alpha",        "seed",         "combine",
                                "top1",   "top5",  "mmac_per_image", "mac_fraction", "ms_per_image", "mj_per_image"};

// A figure of a point for a table; empty where it is unknown.
std::string cell(const ordered_json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{:.6g}", value.get<double>()) : value.dump();
}

std::string cell_of(const ordered_json& point, const char* column) {
  return cell(point.value(column, ordered_json()));  // files of before have no "joint"
}

std::string stopped_text(const ordered_json& point) {
  std::string text;
  for (const auto& count : point.value("stopped", ordered_json())) text += (text.empty() ? "" : " ") + count.dump();
  return text;
}

// Names of files in it may be no UTF-8.
std::string json_text(const ordered_json& json, int indent = -1) {
  return json.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

// What a sweep of this many stages has left. Its stages and points are checked as `report` does.
ordered_json read_sweep_json(const std::filesystem::path& path, std::size_t stages) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  try {
    const std::size_t found = parse_begun_sweep(text, path.string()).stages.size();
    if (found != 0 && found != stages)
      throw FileError(fmt::format("{}: field 'stages' holds {}, the model has {}", path.string(), found, stages));
    ordered_json content = ordered_json::parse(text);
    const auto is = [&](const char* key, auto type) { return content.contains(key) && (content[key].*type)(); };
    if (!is("settings", &ordered_json::is_object) || !is("tasks_done", &ordered_json::is_number_unsigned) ||
        !is("seconds", &ordered_json::is_number))
      throw FileError(
          fmt::format("{}: field 'settings', 'tasks_done' or 'seconds' is missing or of another type", path.string()));
    return content;
  } catch (const FileError& error) {
    throw FileError(fmt::format("{}; to begin another sweep, give another -o", error.what()));
  }
}

}  // namespace

SweepFile::SweepFile(std::filesystem::path path, ordered_json fresh, const ordered_json& settings, std::size_t stages)
    : path_(std::move(path)), content_(std::move(fresh)) {
  AtomicFile probe(path_);  // fails now rather than after the work
  if (!std::filesystem::exists(path_)) {
    content_["settings"] = settings;
    content_["tasks_done"] = 0U;
    return;
  }
  ordered_json old = read_sweep_json(path_, stages);
  const std::string other = differences(json_text(old["settings"]), json_text(settings));
  if (!other.empty())
    throw UsageError(fmt::format("-o {}: holds a sweep of other settings: {}; give another -o", path_.string(), other));
  content_ = std::move(old);
}

std::size_t SweepFile::tasks_done() const { return content_["tasks_done"].get<std::size_t>(); }

void SweepFile::add(const std::vector<ordered_json>& points, double seconds) {
  for (const ordered_json& point : points) content_["points"].push_back(point);
  content_["tasks_done"] = tasks_done() + 1;
  content_["seconds"] = content_["seconds"].get<double>() + seconds;
  write();
}

void SweepFile::write() const {
  AtomicFile file(path_);
  file.append(json_text(content_, 2) + "\n");
  file.commit();
}

ordered_json point_json(const TaskPoint& point, std::optional<double> ms_per_image,
                        std::optional<double> mj_per_image) {
  const Simulation& s = point.simulation;
  return {{"policy", to_string(point.task.policy)},
          {"parameter", number_or_null(point.parameter)},
          {"alpha", number_or_null(point.task.alpha)},
          {"seed", point.task.seed ? ordered_json(*point.task.seed) : ordered_json(nullptr)},
          {"frozen", !point.task.joint},
          {"joint", point.task.joint},
          {"combine", to_string(point.combine)},
          {"top1", s.top1},
          {"top5", number_or_null(s.top5)},
          {"mmac_per_image", s.mmac_per_image},
          {"mac_fraction", s.mac_fraction},
          {"ms_per_image", number_or_null(ms_per_image)},
          {"mj_per_image", number_or_null(mj_per_image)},
          {"stopped", s.stopped}};
}

std::string sweep_csv(const ordered_json& sweep) {
  std::string text;
  for (const char* column : columns) text += std::string(column) + ",";
  text += "stopped\n";
  for (const ordered_json& point : sweep.at("points")) {
    for (const char* column : columns) text += cell_of(point, column) + ",";
    text += stopped_text(point) + "\n";
  }
  return text;
}

std::string sweep_markdown(const ordered_json& sweep) {
  std::string text = "|", line = "|";
  for (const char* column : columns) {
    text += fmt::format(" {} |", column);
    line += "---|";
  }
  text += " stopped |\n" + line + "---|\n";
  for (const ordered_json& point : sweep.at("points")) {
    text += "|";
    for (const char* column : columns) text += fmt::format(" {} |", cell_of(point, column));
    text += fmt::format(" {} |\n", stopped_text(point));
  }
  return text;
}

}  // namespace cascadecl
