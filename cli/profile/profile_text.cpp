#include "cli/profile/profile_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/output.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

std::optional<double> number(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::string text_of(const ordered_json& value) { return value.is_string() ? value.get<std::string>() : "-"; }

// "12.3456 ± 0.0123".
std::string with_ci95(const ordered_json& object, const char* value, const char* ci95, int digits) {
  const auto half = number(object, ci95);
  return decimal(number(object, value), digits) + (half ? fmt::format(" ± {}", decimal(half, digits)) : "");
}

std::string reasons(const ordered_json& profile) {
  std::string text;
  for (const ordered_json& tried : profile["energy"]["sources_tried"]) {
    text += fmt::format("        {} ({}): {}\n", text_of(tried["source"]), text_of(tried["path"]),
                        text_of(tried["reason"]));
    if (tried["remedy"].is_string()) text += fmt::format("          to mend it: {}\n", text_of(tried["remedy"]));
  }
  return text;
}

std::string energy_lines(const ordered_json& profile) {
  const ordered_json &whole = profile["workloads"][0], &energy = profile["energy"];
  std::string text;
  if (number(profile, "mj_per_image")) {
    text = fmt::format("energy  {} mJ an image, {} of it marginal; idle {} W before and {} W after\n",
                       with_ci95(whole, "mj_per_image", "ci95_mj_per_image", 3),
                       with_ci95(whole, "marginal_mj_per_image", "ci95_marginal_mj_per_image", 3),
                       decimal(number(energy, "idle_before_w"), 2), decimal(number(energy, "idle_after_w"), 2));
    if (!number(profile, "marginal_mj_per_image")) text += reasons(profile);
  } else {
    text = "energy  unknown; tried were\n" + reasons(profile);
  }
  if (profile.contains("energy_model")) {
    text += fmt::format(
        "        ESTIMATED {} mJ an image, {} of it marginal: time at {} W, {} W idle, as --energy-model says\n",
        decimal(number(profile, "estimated_mj_per_image"), 3),
        decimal(number(profile, "estimated_marginal_mj_per_image"), 3),
        decimal(number(profile["energy_model"], "power_w"), 2), decimal(number(profile["energy_model"], "idle_w"), 2));
  }
  return text;
}

std::string workloads_text(const ordered_json& profile) {
  const bool estimated = profile.contains("energy_model");
  std::vector<std::string> titles = {"<run",        "<network", "images",  "MMAC", "top-1",
                                     "images/s",    "ms/image", "of MACs", "W",    "mJ/image",
                                     "marginal mJ", "of MACs",  "outliers"};
  if (estimated) titles.push_back("ESTIMATED mJ");
  Table table(titles);
  for (const ordered_json& run : profile["workloads"]) {
    const std::size_t outliers =
        run["outliers_ms"].size() + (run["outliers_mj"].is_array() ? run["outliers_mj"].size() : 0);
    std::vector<std::string> row = {text_of(run["name"]),
                                    text_of(run["network"]),
                                    grouped(run["images"].get<long long>()),
                                    decimal(number(run, "mmac_per_image"), 2),
                                    percent(number(run, "top1")),
                                    decimal(number(run, "images_per_s"), 1),
                                    with_ci95(run, "mean_ms_per_image", "ci95_ms_per_image", 4),
                                    decimal(number(run, "predicted_ms_per_image"), 4),
                                    decimal(number(run, "power_w"), 2),
                                    with_ci95(run, "mj_per_image", "ci95_mj_per_image", 3),
                                    with_ci95(run, "marginal_mj_per_image", "ci95_marginal_mj_per_image", 3),
                                    decimal(number(run, "predicted_mj_per_image"), 3),
                                    std::to_string(outliers)};
    if (estimated) row.push_back(decimal(number(run, "estimated_mj_per_image"), 3));
    table.add_row(row);
  }
  return table.text();
}

std::string stages_text(const ordered_json& profile) {
  Table table({"stage", "<network", "entered", "stopped", "ms/entered", "ms/image", "policy ms/image", "alone ms/image",
               "alone mJ/image", "<device"});
  int k = 0;
  for (const ordered_json& stage : profile["stages"])
    table.add_row({std::to_string(k++), text_of(stage["network"]), grouped(stage["entered"].get<long long>()),
                   grouped(stage["stopped"].get<long long>()), decimal(number(stage, "ms_per_entered_image"), 4),
                   decimal(number(stage, "ms_per_image"), 4), decimal(number(stage, "policy_ms_per_image"), 4),
                   decimal(number(stage, "alone_ms_per_image"), 4), decimal(number(stage, "alone_mj_per_image"), 3),
                   text_of(stage["device"])});
  return table.text();
}

std::string breakdown_text(const ordered_json& profile) {
  std::string text;
  for (const auto& [unit, costs] : profile["breakdown"].items()) {
    if (costs.is_null()) continue;
    text += fmt::format("{}: whole {} = stages on their survivors {} + policies {} + residual {} ({})\n", unit,
                        decimal(number(costs, "whole"), 4), decimal(number(costs, "stages"), 4),
                        with_ci95(costs, "policies", "ci95_policies", 4),
                        with_ci95(costs, "residual", "ci95_residual", 4), percent(number(costs, "residual_share"), 1));
  }
  return text.empty() ? text : "\n" + text;
}

std::string machine_text(const ordered_json& profile) {
  const ordered_json &idle = profile["machine"]["idle"], &warm = profile["machine"]["warm"];
  std::string text;
  if (idle["governor"].is_string()) text += fmt::format("governor {}; ", text_of(idle["governor"]));
  if (number(warm, "cpu_mhz"))
    text += fmt::format("CPU {} MHz before, {} MHz when warm; ", decimal(number(idle, "cpu_mhz"), 0),
                        decimal(number(warm, "cpu_mhz"), 0));
  if (number(idle, "thermal_throttles") && number(warm, "thermal_throttles"))
    text += fmt::format("throttled for heat {} times; ",
                        decimal(*number(warm, "thermal_throttles") - *number(idle, "thermal_throttles"), 0));
  for (const ordered_json& device : warm["devices"])
    text += fmt::format("{}: {} MHz when warm{}; ", text_of(device["path"]), decimal(number(device, "clock_mhz"), 0),
                        device["throttling"] == "" ? "" : ", throttled by " + text_of(device["throttling"]));
  if (text.empty()) return text;
  return "machine " + text.substr(0, text.size() - 2) + "\n";
}

}  // namespace

std::string profile_text(const ordered_json& profile) {
  return fmt::format(
             "images  {}, top-1 {}, {} MMAC an image\n"
             "time    {} ms an image (windows differ by {}), {} images/s\n{}{}"
             "saved against the largest stage alone: {} of the MACs (predicted), {} of the time, {} of the energy\n\n",
             grouped(profile["images"].get<long long>()), percent(number(profile, "top1")),
             decimal(number(profile, "mmac_per_image"), 2), decimal(number(profile, "ms_per_image"), 4),
             decimal(number(profile, "spread_ms_per_image"), 4), decimal(number(profile, "images_per_s"), 1),
             energy_lines(profile), machine_text(profile), percent(number(profile, "predicted_saving"), 1),
             percent(number(profile, "measured_saving"), 1), percent(number(profile, "measured_saving_mj"), 1)) +
         workloads_text(profile) + "\n" + stages_text(profile) + breakdown_text(profile);
}

}  // namespace cascadecl
