#include "runtime/study/tradeoff/sweep_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "data/files/error.h"
#include "data/files/text_file.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/foreign_text.h"
#include "runtime/number_or_null.h"

namespace cascadecl {
namespace {

using Json = nlohmann::ordered_json;  // settings keep their order

// An object of the file together with where it stands: "sweep.json: points[3]".
class Object {
 public:
  Object(const Json& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value.is_object()) throw FileError(where_ + ": expected an object");
  }

  [[noreturn]] void fail(const std::string& field, const std::string& expected) const {
    const auto found = value_.find(field);
    const std::string is = found == value_.end() ? "missing" : "is " + shortened(*found);
    throw FileError(fmt::format("{}: field '{}' {}, expected {}", where_, field, is, expected));
  }

  bool unknown(const std::string& field) const {
    const auto found = value_.find(field);
    return found == value_.end() || found->is_null();
  }

  double number(const std::string& field, double min, double max, const std::string& expected) const {
    const auto found = value_.find(field);
    if (found == value_.end() || !found->is_number()) fail(field, expected);
    const double number = found->get<double>();
    if (!std::isfinite(number) || number < min || number > max) fail(field, expected);
    return number;
  }
  double share(const std::string& field) const { return number(field, 0, 1, "a number in 0..1"); }
  double cost(const std::string& field) const {
    return number(field, 0, std::numeric_limits<double>::max(), "a number, 0 or more");
  }

  std::optional<double> optional_share(const std::string& field) const {
    if (unknown(field)) return std::nullopt;
    return number(field, 0, 1, "a number in 0..1 or null");
  }
  std::optional<double> optional_cost(const std::string& field) const {
    if (unknown(field)) return std::nullopt;
    return number(field, 0, std::numeric_limits<double>::max(), "a number, 0 or more, or null");
  }
  std::optional<double> optional_number(const std::string& field) const {
    if (unknown(field)) return std::nullopt;
    const double limit = std::numeric_limits<double>::max();
    return number(field, -limit, limit, "a number or null");
  }

  std::int64_t count(const std::string& field) const {
    const auto found = value_.find(field);
    if (found == value_.end() || !is_count(*found)) fail(field, "a whole number, 0 or more");
    return found->get<std::int64_t>();
  }

  std::optional<std::uint64_t> optional_seed(const std::string& field) const {
    if (unknown(field)) return std::nullopt;
    const Json& value = value_.at(field);
    if (!value.is_number_unsigned()) fail(field, "a whole number, 0 or more, or null");
    return value.get<std::uint64_t>();
  }

  std::string text(const std::string& field) const {
    const auto found = value_.find(field);
    if (found == value_.end() || !found->is_string()) fail(field, "a text");
    return found->get<std::string>();
  }
  std::string optional_text(const std::string& field) const { return unknown(field) ? "" : text(field); }

  bool flag(const std::string& field, bool initial) const {
    if (unknown(field)) return initial;
    const Json& value = value_.at(field);
    if (!value.is_boolean()) fail(field, "true or false");
    return value.get<bool>();
  }

  // The list of objects in a field.
  std::vector<Object> objects(const std::string& field, bool may_be_empty) const {
    const auto found = value_.find(field);
    if (found == value_.end() || !found->is_array() || (found->empty() && !may_be_empty))
      fail(field, may_be_empty ? "a list" : "a list with at least one entry");
    std::vector<Object> list;
    for (std::size_t i = 0; i < found->size(); ++i) {
      list.emplace_back((*found)[i], fmt::format("{}: {}[{}]", where_, field, i));
    }
    return list;
  }

  // An object, as JSON text.
  std::string json_text(const std::string& field) const {
    const auto found = value_.find(field);
    if (found == value_.end() || !found->is_object()) fail(field, "an object");
    return found->dump();
  }

  std::vector<std::int64_t> counts(const std::string& field, std::size_t size) const {
    if (unknown(field)) return {};
    const Json& value = value_.at(field);
    if (!value.is_array() || value.size() != size) fail(field, fmt::format("a list of {} counts", size));
    std::vector<std::int64_t> list;
    for (const Json& entry : value) {
      if (!is_count(entry)) fail(field, fmt::format("a list of {} counts", size));
      list.push_back(entry.get<std::int64_t>());
    }
    return list;
  }

 private:
  static std::string shortened(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 40) text = text.substr(0, 37) + "...";
    return text;
  }

  static bool is_count(const Json& value) {
    return value.is_number_integer() && value.get<double>() >= 0 && value.get<double>() <= 1e15;
  }

  const Json& value_;
  std::string where_;
};

SweepStage stage_of(const Object& object) {
  return {.network = object.text("network"),
          .mmac = object.cost("mmac"),
          .top1 = object.share("top1"),
          .top5 = object.optional_share("top5"),
          .ece = object.optional_share("ece"),
          .temperature = object.optional_cost("temperature"),
          .ms_per_image = object.optional_cost("ms_per_image"),
          .mj_per_image = object.optional_cost("mj_per_image")};
}

SweepPoint point_of(const Object& object, std::size_t stages) {
  SweepPoint point{.policy = object.text("policy"),
                   .parameter = object.optional_number("parameter"),
                   .alpha = object.optional_cost("alpha"),
                   .combine = object.optional_text("combine"),
                   .top1 = object.share("top1"),
                   .mmac_per_image = object.cost("mmac_per_image"),
                   .mac_fraction = object.cost("mac_fraction"),
                   .top5 = object.optional_share("top5"),
                   .ms_per_image = object.optional_cost("ms_per_image"),
                   .mj_per_image = object.optional_cost("mj_per_image"),
                   .stopped = object.counts("stopped", stages)};
  std::vector<std::string_view> kinds;
  for (const PolicyKind kind : policy_kinds()) kinds.push_back(to_string(kind));
  if (std::ranges::find(kinds, point.policy) == kinds.end())
    object.fail("policy", fmt::format("one of {}", fmt::join(kinds, ", ")));
  point.seed = object.optional_seed("seed");
  point.joint_loss = object.optional_text("joint_loss");
  if (point.joint_loss.empty() && !object.flag("frozen", true)) point.joint_loss = "reinforce";  // once the only one
  return point;
}

Json stage_json(const SweepStage& stage) {
  return {{"network", stage.network},
          {"mmac", stage.mmac},
          {"top1", stage.top1},
          {"top5", number_or_null(stage.top5)},
          {"ece", number_or_null(stage.ece)},
          {"temperature", number_or_null(stage.temperature)},
          {"ms_per_image", number_or_null(stage.ms_per_image)},
          {"mj_per_image", number_or_null(stage.mj_per_image)}};
}

Json point_json(const SweepPoint& point) {
  return {{"policy", point.policy},
          {"parameter", number_or_null(point.parameter)},
          {"alpha", number_or_null(point.alpha)},
          {"seed", point.seed ? Json(*point.seed) : Json(nullptr)},
          {"frozen", point.joint_loss.empty()},
          {"joint", !point.joint_loss.empty()},
          {"joint_loss", point.joint_loss.empty() ? Json(nullptr) : Json(point.joint_loss)},
          {"combine", point.combine},
          {"top1", point.top1},
          {"top5", number_or_null(point.top5)},
          {"mmac_per_image", point.mmac_per_image},
          {"mac_fraction", point.mac_fraction},
          {"ms_per_image", number_or_null(point.ms_per_image)},
          {"mj_per_image", number_or_null(point.mj_per_image)},
          {"stopped", point.stopped.empty() ? Json(nullptr) : Json(point.stopped)}};
}

// begun: stages and points may still be missing, but not what the sweep goes on from.
Sweep parse(const std::string& text, const std::string& name, bool begun) {
  check_json_depth(text, name);
  Json value;
  try {
    value = Json::parse(text);
  } catch (const Json::exception& error) {
    throw FileError(fmt::format("{}: no sweep file: {}", name, error.what()));
  }
  const Object file(value, name);
  if (file.optional_text("format") != "cascadecl-sweep") file.fail("format", "\"cascadecl-sweep\"");
  if (file.count("format_version") != sweep_format_version) {
    file.fail("format_version", fmt::format("{}", sweep_format_version));
  }
  Sweep sweep{.created_by = file.optional_text("created_by"),
              .command = file.optional_text("command"),
              .model = file.optional_text("model"),
              .data = file.optional_text("data"),
              .device = file.optional_text("device"),
              .images = file.count("images"),
              .energy_reason = file.optional_text("energy_reason")};
  for (const Object& stage : file.objects("stages", begun)) sweep.stages.push_back(stage_of(stage));
  for (const Object& point : file.objects("points", begun))
    sweep.points.push_back(point_of(point, sweep.stages.size()));
  if (begun) {
    sweep.settings = file.json_text("settings");
    sweep.tasks_done = file.count("tasks_done");
    sweep.seconds = file.cost("seconds");
  }
  return sweep;
}

}  // namespace

std::size_t Sweep::largest_stage() const {
  const auto smaller = [](const SweepStage& a, const SweepStage& b) { return a.mmac < b.mmac; };
  return static_cast<std::size_t>(std::max_element(stages.begin(), stages.end(), smaller) - stages.begin());
}

// Names of files in it may be no UTF-8.
std::string to_json(const Sweep& sweep) {
  Json stages = Json::array(), points = Json::array();
  for (const SweepStage& stage : sweep.stages) stages.push_back(stage_json(stage));
  for (const SweepPoint& point : sweep.points) points.push_back(point_json(point));
  const Json content = {{"format", "cascadecl-sweep"},
                        {"format_version", sweep_format_version},
                        {"created_by", sweep.created_by},
                        {"command", sweep.command},
                        {"model", sweep.model},
                        {"data", sweep.data},
                        {"device", sweep.device},
                        {"images", sweep.images},
                        {"stages", stages},
                        {"points", points},
                        {"energy_reason", sweep.energy_reason},
                        {"seconds", sweep.seconds},
                        {"settings", Json::parse(sweep.settings)},
                        {"tasks_done", sweep.tasks_done}};
  return content.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Sweep parse_sweep(const std::string& text, const std::string& name) { return parse(text, name, false); }

Sweep parse_begun_sweep(const std::string& text, const std::string& name) { return parse(text, name, true); }

Sweep read_sweep(const std::filesystem::path& path) {
  return parse_sweep(read_text_file(path, most_json_bytes), path.string());
}

}  // namespace cascadecl
