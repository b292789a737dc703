#include "cli/profile/profile_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/output.h"
#include "runtime/energy/profile_energy.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

std::optional<double> mean_of(const std::optional<Sample>& sample) {
  return sample ? std::optional(sample->mean()) : std::nullopt;
}

// Marginal energy that is lost in noise is unknown.
std::optional<double> marginal_of(const WorkloadFigures& figures) {
  const auto mean = mean_of(figures.marginal_mj_per_image);
  return mean && *mean > 0 ? mean : std::nullopt;
}

std::optional<double> marginal_ci95_of(const WorkloadFigures& figures) {
  return marginal_of(figures) ? figures.marginal_ci95 : std::nullopt;
}

ordered_json values_json(const std::optional<Sample>& sample) {
  return sample ? ordered_json(sample->values) : ordered_json(nullptr);
}

ordered_json outliers_json(const std::optional<Sample>& sample) {
  return sample ? ordered_json(sample->outliers()) : ordered_json(nullptr);
}

double spread(const Sample& sample) {
  const auto [least, most] = std::ranges::minmax(sample.values);
  return most - least;
}

ordered_json workload_json(const CascadeProfile& profile, const ProfiledWorkload& workload,
                           const std::optional<EnergyModel>& estimate) {
  const WorkloadFigures& figures = workload.figures;
  const bool one_stage =
      workload.role == ProfiledWorkload::Role::alone || workload.role == ProfiledWorkload::Role::survivors;
  const Sample& ms = figures.ms_per_image;
  ordered_json json = {
      {"name", workload.name},
      {"network", one_stage ? ordered_json(profile.stages[workload.stage].network) : ordered_json(nullptr)},
      {"device", one_stage ? ordered_json(profile.stages[workload.stage].device) : ordered_json(nullptr)},
      {"images", workload.images},
      {"mmac_per_image", workload.mmac_per_image},
      {"top1", workload.top1},
      {"images_per_s", 1e3 / ms.median()},
      {"ms_per_image", ms.median()},
      {"mean_ms_per_image", ms.mean()},
      {"ci95_ms_per_image", number_or_null(ms.ci95())},
      {"power_w", number_or_null(figures.busy_w)},
      {"mj_per_image", number_or_null(mean_of(figures.total_mj_per_image))},
      {"ci95_mj_per_image", number_or_null(figures.total_ci95)},
      {"marginal_mj_per_image", number_or_null(marginal_of(figures))},
      {"ci95_marginal_mj_per_image", number_or_null(marginal_ci95_of(figures))},
      {"predicted_ms_per_image", profile.predicted_ms(workload)},
      {"predicted_mj_per_image", number_or_null(profile.predicted_mj(workload))}};
  if (estimate) {
    json["estimated_mj_per_image"] = estimate->mj_per_image(ms);
    json["estimated_marginal_mj_per_image"] = number_or_null(estimate->marginal_mj_per_image(ms));
  }
  json["windows_ms_per_image"] = ms.values;
  json["windows_mj_per_image"] = values_json(figures.total_mj_per_image);
  json["windows_marginal_mj_per_image"] = values_json(figures.marginal_mj_per_image);
  json["outliers_ms"] = ms.outliers();
  json["outliers_mj"] = outliers_json(figures.total_mj_per_image);
  return json;
}

ordered_json stage_json(const CascadeProfile& profile, const ProfiledStage& stage) {
  const WorkloadFigures& alone = profile.workloads[stage.alone].figures;
  const double images = static_cast<double>(profile.images), ms = stage.ms.median();
  const double ms_per_entered = ms / static_cast<double>(stage.entered);  // not finite where none did
  const WorkloadFigures* measured = stage.measured ? &profile.workloads[*stage.measured].figures : nullptr;
  return {{"network", stage.network},
          {"device", stage.device},
          {"mmac", stage.mmac},
          {"entered", stage.entered},
          {"stopped", stage.stopped},
          {"ms_per_entered_image", number_or_null(ms_per_entered)},
          {"ms_per_image", ms / images},
          {"policy_ms_per_image", stage.policy_ms.median() / images},
          {"survivors_ms_per_entered_image",
           measured ? ordered_json(measured->ms_per_image.median()) : ordered_json(nullptr)},
          {"survivors_mj_per_entered_image",
           number_or_null(measured ? mean_of(measured->total_mj_per_image) : std::nullopt)},
          {"survivors_marginal_mj_per_entered_image", number_or_null(measured ? marginal_of(*measured) : std::nullopt)},
          {"alone_ms_per_image", alone.ms_per_image.median()},
          {"alone_mj_per_image", number_or_null(mean_of(alone.total_mj_per_image))},
          {"alone_marginal_mj_per_image", number_or_null(marginal_of(alone))}};
}

ordered_json breakdown_json(const std::optional<CostBreakdown>& costs) {
  if (!costs) return nullptr;
  return {{"whole", costs->whole},
          {"stages", costs->stages},
          {"policies", costs->policies.mean},
          {"ci95_policies", number_or_null(costs->policies.ci95)},
          {"residual", costs->residual.mean},
          {"ci95_residual", number_or_null(costs->residual.ci95)},
          {"residual_share", number_or_null(costs->residual.mean / costs->whole)}};
}

ordered_json domain_json(const DomainFigures& figures) {
  const EnergyDomain& domain = figures.domain;
  return {{"source", domain.source},
          {"name", domain.name},
          {"path", domain.path},
          {"counted", domain.counted},
          {"why_not_counted", domain.counted ? ordered_json(nullptr) : ordered_json(domain.why_not)},
          {"idle_w", number_or_null(figures.idle_w)},
          {"busy_w", number_or_null(figures.busy_w)},
          {"mj_per_image", number_or_null(figures.total_mj_per_image)},
          {"marginal_mj_per_image", number_or_null(figures.marginal_mj_per_image)}};
}

std::vector<MeterAttempt> attempts_of(const CascadeProfile& profile) {
  std::vector<MeterAttempt> attempts = profile.attempts;
  const WorkloadFigures& whole = profile.cascade().figures;
  if (whole.total_mj_per_image && !marginal_of(whole)) attempts.push_back(marginal_lost(profile.idle));
  return attempts;
}

ordered_json energy_json(const CascadeProfile& profile) {
  const WorkloadFigures& whole = profile.cascade().figures;
  ordered_json domains = ordered_json::array(), attempts = ordered_json::array();
  for (const DomainFigures& domain : whole.domains) domains.push_back(domain_json(domain));
  for (const MeterAttempt& attempt : attempts_of(profile)) {
    attempts.push_back({{"source", attempt.source},
                        {"path", attempt.path},
                        {"reason", attempt.reason},
                        {"remedy", attempt.remedy.empty() ? ordered_json(nullptr) : ordered_json(attempt.remedy)}});
  }
  const auto& total = whole.total_mj_per_image;
  return {{"mj_per_image", number_or_null(mean_of(total))},
          {"marginal_mj_per_image", number_or_null(marginal_of(whole))},
          {"spread_mj_per_image", total ? ordered_json(spread(*total)) : ordered_json(nullptr)},
          {"idle_before_w", number_or_null(profile.idle.before_w)},
          {"idle_after_w", number_or_null(profile.idle.after_w)},
          {"sampling_share", number_or_null(profile.sampling_share)},
          {"domains", domains},
          {"sources_tried", attempts}};
}

ordered_json state_json(const MachineState& state) {
  ordered_json devices = ordered_json::array();
  for (const auto& [path, device] : state.devices)
    devices.push_back(
        {{"path", path}, {"clock_mhz", number_or_null(device.clock_mhz)}, {"throttling", device.throttling}});
  return {{"governor", state.governor.empty() ? ordered_json(nullptr) : ordered_json(state.governor)},
          {"cpu_mhz", number_or_null(state.cpu_mhz)},
          {"thermal_throttles", state.throttles ? ordered_json(*state.throttles) : ordered_json(nullptr)},
          {"on_mains", state.on_mains ? ordered_json(*state.on_mains) : ordered_json(nullptr)},
          {"devices", devices}};
}

// Columns of the tables for files: all keys of a workload but its lists.
std::vector<std::string> columns_of(const ordered_json& workload) {
  std::vector<std::string> columns;
  for (const auto& [key, value] : workload.items())
    if (!key.starts_with("windows_") && !key.starts_with("outliers_")) columns.push_back(key);
  return columns;
}

std::string cell(const ordered_json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? fmt::format("{:.6g}", value.get<double>()) : value.dump();
}

// RFC 4180.
std::string csv_cell(const ordered_json& value) {
  std::string text = cell(value);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  for (std::size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at + 2)) text.insert(at, 1, '"');
  return '"' + text + '"';
}

}  // namespace

ordered_json profile_json(const CascadeProfile& profile, const std::optional<EnergyModel>& estimate) {
  const ProfiledWorkload& whole = profile.cascade();
  const Sample& ms = whole.figures.ms_per_image;
  ordered_json stages = ordered_json::array(), workloads = ordered_json::array();
  for (const ProfiledStage& stage : profile.stages) stages.push_back(stage_json(profile, stage));
  for (const ProfiledWorkload& workload : profile.workloads)
    workloads.push_back(workload_json(profile, workload, estimate));
  const double predicted = profile.predicted_saving(whole);
  const std::optional<double> measured = profile.saving_ms(whole);
  const bool comparable = measured && predicted > 0;
  ordered_json json = {{"top1", profile.top1},
                       {"mmac_per_image", profile.mmac_per_image},
                       {"mac_fraction", profile.mac_fraction},
                       {"ms_per_image", ms.median()},
                       {"spread_ms_per_image", spread(ms)},
                       {"images_per_s", 1e3 / ms.median()},
                       {"mj_per_image", number_or_null(mean_of(whole.figures.total_mj_per_image))},
                       {"marginal_mj_per_image", number_or_null(marginal_of(whole.figures))},
                       {"predicted_saving", predicted},
                       {"measured_saving", number_or_null(measured)},
                       {"saving_ratio", comparable ? ordered_json(*measured / predicted) : ordered_json(nullptr)},
                       {"measured_saving_mj", number_or_null(profile.saving_mj(whole))}};
  if (estimate) {
    json["estimated_mj_per_image"] = estimate->mj_per_image(ms);
    json["estimated_marginal_mj_per_image"] = number_or_null(estimate->marginal_mj_per_image(ms));
    json["energy_model"] = {{"power_w", estimate->busy_w}, {"idle_w", number_or_null(estimate->idle_w)}};
  }
  json["stages"] = stages;
  json["workloads"] = workloads;
  json["breakdown"] = {{"ms_per_image", breakdown_json(profile.ms)},
                       {"mj_per_image", breakdown_json(profile.mj)},
                       {"marginal_mj_per_image", breakdown_json(profile.marginal_mj)}};
  json["energy"] = energy_json(profile);
  json["machine"] = {{"idle", state_json(profile.idle_state)}, {"warm", state_json(profile.warm_state)}};
  return json;
}

std::string profile_csv(const ordered_json& profile) {
  const ordered_json& workloads = profile.at("workloads");
  const std::vector<std::string> columns = columns_of(workloads.at(0));
  const auto row = [&](const auto& cell_of) {
    std::string line;
    for (const std::string& column : columns) line += (line.empty() ? "" : ",") + cell_of(column);
    return line + "\n";
  };
  std::string text = row([](const std::string& column) { return column; });
  for (const ordered_json& workload : workloads)
    text += row([&](const std::string& column) { return csv_cell(workload.at(column)); });
  return text;
}

std::string profile_markdown(const ordered_json& profile) {
  const ordered_json& workloads = profile.at("workloads");
  const std::vector<std::string> columns = columns_of(workloads.at(0));
  std::string text = "|", line = "|";
  for (const std::string& column : columns) {
    text += fmt::format(" {} |", column);
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const ordered_json& workload : workloads) {
    text += "|";
    for (const std::string& column : columns) {
      std::string value = cell(workload.at(column));
      std::replace(value.begin(), value.end(), '|', '/');
      text += fmt::format(" {} |", value);
    }
    text += "\n";
  }
  return text;
}

}  // namespace cascadecl
