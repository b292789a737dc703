#include "runtime/study/runs/profile_file.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "data/files/text_file.h"
#include "runtime/foreign_text.h"
#include "runtime/number_or_null.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr const char* quantities[] = {"ms_per_image", "mj_per_image", "marginal_mj_per_image"};

ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

ordered_json values_json(const std::optional<Sample>& sample) {
  return sample ? ordered_json(sample->values) : ordered_json(nullptr);
}

ordered_json outliers_json(const std::optional<Sample>& sample) {
  return sample ? ordered_json(sample->outliers()) : ordered_json(nullptr);
}

ordered_json value_json(const ProfileField& field) {
  if (field.number) return *field.number;
  return field.count ? ordered_json(*field.count) : text_or_null(field.text);
}

ordered_json workload_json(const ProfileRecord& record, const ProfiledWorkload& workload) {
  const WorkloadFigures& figures = workload.figures;
  ordered_json json;
  for (const ProfileField& field : workload_fields(record, workload)) json[field.name] = value_json(field);
  json["windows_ms_per_image"] = figures.ms_per_image.values;
  json["windows_mj_per_image"] = values_json(figures.total_mj_per_image);
  json["windows_marginal_mj_per_image"] = values_json(figures.marginal_mj_per_image);
  json["outliers_ms"] = figures.ms_per_image.outliers();
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
          {"survivors_mj_per_entered_image", number_or_null(measured ? measured->mean_total_mj() : std::nullopt)},
          {"survivors_marginal_mj_per_entered_image",
           number_or_null(measured ? measured->mean_marginal_mj() : std::nullopt)},
          {"alone_ms_per_image", alone.ms_per_image.median()},
          {"alone_mj_per_image", number_or_null(alone.mean_total_mj())},
          {"alone_marginal_mj_per_image", number_or_null(alone.mean_marginal_mj())}};
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

ordered_json energy_json(const CascadeProfile& profile) {
  const WorkloadFigures& whole = profile.cascade().figures;
  ordered_json domains = ordered_json::array(), attempts = ordered_json::array();
  for (const DomainFigures& domain : whole.domains) domains.push_back(domain_json(domain));
  for (const MeterAttempt& attempt : profile.attempts) {
    attempts.push_back({{"source", attempt.source},
                        {"path", attempt.path},
                        {"reason", attempt.reason},
                        {"remedy", text_or_null(attempt.remedy)}});
  }
  const auto& total = whole.total_mj_per_image;
  return {{"mj_per_image", number_or_null(whole.mean_total_mj())},
          {"marginal_mj_per_image", number_or_null(whole.mean_marginal_mj())},
          {"spread_mj_per_image", total ? ordered_json(total->spread()) : ordered_json(nullptr)},
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
  return {{"governor", text_or_null(state.governor)},
          {"cpu_mhz", number_or_null(state.cpu_mhz)},
          {"thermal_throttles", state.throttles ? ordered_json(*state.throttles) : ordered_json(nullptr)},
          {"on_mains", state.on_mains ? ordered_json(*state.on_mains) : ordered_json(nullptr)},
          {"devices", devices}};
}

ordered_json profile_json(const ProfileRecord& record) {
  const CascadeProfile& profile = record.profile;
  const ProfiledWorkload& whole = profile.cascade();
  const Sample& ms = whole.figures.ms_per_image;
  ordered_json stages = ordered_json::array(), workloads = ordered_json::array();
  for (const ProfiledStage& stage : profile.stages) stages.push_back(stage_json(profile, stage));
  for (const ProfiledWorkload& workload : profile.workloads) workloads.push_back(workload_json(record, workload));
  const double predicted = profile.predicted_saving(whole);
  const std::optional<double> measured = profile.saving_ms(whole);
  const bool comparable = measured && predicted > 0;
  ordered_json json = {{"format", "cascadecl-profile"},
                       {"format_version", format_version},
                       {"images", profile.images},
                       {"runs", record.runs},
                       {"batch_size", record.batch_size},
                       {"device", record.device},
                       {"kernel_class", record.kernel_class},
                       {"precision", record.precision},
                       {"policy", ordered_json::parse(record.policy)},
                       {"top1", profile.top1},
                       {"mmac_per_image", profile.mmac_per_image},
                       {"mac_fraction", profile.mac_fraction},
                       {"ms_per_image", ms.median()},
                       {"spread_ms_per_image", ms.spread()},
                       {"images_per_s", 1e3 / ms.median()},
                       {"mj_per_image", number_or_null(whole.figures.mean_total_mj())},
                       {"marginal_mj_per_image", number_or_null(whole.figures.mean_marginal_mj())},
                       {"predicted_saving", predicted},
                       {"measured_saving", number_or_null(measured)},
                       {"saving_ratio", comparable ? ordered_json(*measured / predicted) : ordered_json(nullptr)},
                       {"measured_saving_mj", number_or_null(profile.saving_mj(whole))}};
  if (const auto& estimate = record.estimate) {
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

std::vector<double> numbers(const nlohmann::json& list, const std::string& where) {
  std::vector<double> values;
  for (const nlohmann::json& entry : list) {
    if (!entry.is_number() || !std::isfinite(entry.get<double>()))
      throw FileError(where + ": expected a list of numbers");
    values.push_back(entry.get<double>());
  }
  if (values.empty()) throw FileError(where + ": expected at least one window");
  return values;
}

void add_workload(const nlohmann::json& workload, const std::string& where, ProfileWindows& file) {
  const auto name = workload.find("name");
  if (!workload.is_object() || name == workload.end() || !name->is_string())
    throw FileError(where + ": field 'name' is missing or no text");
  for (const char* quantity : quantities) {
    const std::string field = std::string("windows_") + quantity;
    const auto windows = workload.find(field);
    if (windows == workload.end() || windows->is_null()) continue;
    if (!windows->is_array()) throw FileError(fmt::format("{}: field '{}': expected a list or null", where, field));
    file.series.push_back(
        {name->get<std::string>(), quantity, {numbers(*windows, fmt::format("{}: field '{}'", where, field))}});
  }
}

}  // namespace

std::vector<ProfileField> workload_fields(const ProfileRecord& record, const ProfiledWorkload& workload) {
  const CascadeProfile& profile = record.profile;
  const WorkloadFigures& figures = workload.figures;
  const Sample& ms = figures.ms_per_image;
  std::vector<ProfileField> fields = {
      {.name = "name", .text = workload.name},
      {.name = "network", .text = workload.one_stage() ? profile.stages[workload.stage].network : ""},
      {.name = "device", .text = workload.one_stage() ? profile.stages[workload.stage].device : ""},
      {.name = "images", .count = workload.images}};
  const auto add = [&](const char* name, const std::optional<double>& value) {
    fields.push_back({.name = name, .number = value && std::isfinite(*value) ? value : std::nullopt});
  };
  add("mmac_per_image", workload.mmac_per_image);
  add("top1", workload.top1);
  add("images_per_s", 1e3 / ms.median());
  add("ms_per_image", ms.median());
  add("mean_ms_per_image", ms.mean());
  add("ci95_ms_per_image", ms.ci95());
  add("power_w", figures.busy_w);
  add("mj_per_image", figures.mean_total_mj());
  add("ci95_mj_per_image", figures.total_ci95);
  add("marginal_mj_per_image", figures.mean_marginal_mj());
  add("ci95_marginal_mj_per_image", figures.mean_marginal_mj() ? figures.marginal_ci95 : std::nullopt);
  add("predicted_ms_per_image", profile.predicted_ms(workload));
  add("predicted_mj_per_image", profile.predicted_mj(workload));
  if (record.estimate) {
    add("estimated_mj_per_image", record.estimate->mj_per_image(ms));
    add("estimated_marginal_mj_per_image", record.estimate->marginal_mj_per_image(ms));
  }
  return fields;
}

std::string to_json(const ProfileRecord& record) {
  return profile_json(record).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ProfileWindows parse_profile(const std::string& text, const std::string& name) {
  check_json_depth(text, name);
  const nlohmann::json content = nlohmann::json::parse(text, nullptr, false);
  if (!content.is_object() || content.value("format", nlohmann::json()) != "cascadecl-profile")
    throw FileError(name + ": is no profile as `cascadecl profile --json` prints it");
  if (content.value("format_version", nlohmann::json()) != format_version)
    throw FileError(name + ": field 'format_version': expected 1");
  const auto workloads = content.find("workloads");
  if (workloads == content.end() || !workloads->is_array())
    throw FileError(name + ": field 'workloads': expected a list");
  ProfileWindows file;
  for (const char* setting : {"device", "images", "batch_size", "precision", "policy"})
    if (const auto found = content.find(setting); found != content.end()) file.settings[setting] = found->dump();
  for (std::size_t i = 0; i < workloads->size(); ++i)
    add_workload((*workloads)[i], fmt::format("{}: workloads[{}]", name, i), file);
  if (file.series.empty()) throw FileError(name + ": field 'workloads': holds no windows");
  return file;
}

ProfileWindows read_profile(const std::filesystem::path& path) {
  return parse_profile(read_text_file(path, most_json_bytes), path.string());
}

}  // namespace cascadecl
