#include "cli/profile/profile_text.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "cli/output.h"

namespace cascadecl {
namespace {

// "12.3456 ± 0.0123".
std::string with_ci95(std::optional<double> value, std::optional<double> ci95, int digits) {
  const bool known = ci95 && std::isfinite(*ci95);
  return decimal(value, digits) + (known ? fmt::format(" ± {}", decimal(ci95, digits)) : "");
}

std::string total_text(const WorkloadFigures& figures) {
  return with_ci95(figures.mean_total_mj(), figures.total_ci95, 3);
}

std::string marginal_text(const WorkloadFigures& figures) {
  const auto mean = figures.mean_marginal_mj();
  return with_ci95(mean, mean ? figures.marginal_ci95 : std::nullopt, 3);
}

std::string reasons(const CascadeProfile& profile) {
  std::string text;
  for (const MeterAttempt& tried : profile.attempts) {
    text += fmt::format("        {} ({}): {}\n", tried.source, tried.path, tried.reason);
    if (!tried.remedy.empty()) text += fmt::format("          to mend it: {}\n", tried.remedy);
  }
  return text;
}

std::string energy_lines(const ProfileRecord& record) {
  const CascadeProfile& profile = record.profile;
  const WorkloadFigures& whole = profile.cascade().figures;
  std::string text;
  if (whole.total_mj_per_image) {
    text =
        fmt::format("energy  {} mJ an image, {} of it marginal; idle {} W before and {} W after\n", total_text(whole),
                    marginal_text(whole), decimal(profile.idle.before_w, 2), decimal(profile.idle.after_w, 2));
    if (!whole.mean_marginal_mj()) text += reasons(profile);
  } else {
    text = "energy  unknown; tried were\n" + reasons(profile);
  }
  if (const auto& estimate = record.estimate) {
    text += fmt::format(
        "        ESTIMATED {} mJ an image, {} of it marginal: time at {} W, {} W idle, as --energy-model says\n",
        decimal(estimate->mj_per_image(whole.ms_per_image), 3),
        decimal(estimate->marginal_mj_per_image(whole.ms_per_image), 3), decimal(estimate->busy_w, 2),
        decimal(estimate->idle_w, 2));
  }
  return text;
}

std::string workloads_text(const ProfileRecord& record) {
  const CascadeProfile& profile = record.profile;
  std::vector<std::string> titles = {"<run",        "<network", "images",  "MMAC", "top-1",
                                     "images/s",    "ms/image", "of MACs", "W",    "mJ/image",
                                     "marginal mJ", "of MACs",  "outliers"};
  if (record.estimate) titles.emplace_back("ESTIMATED mJ");
  Table table(titles);
  for (const ProfiledWorkload& run : profile.workloads) {
    const WorkloadFigures& figures = run.figures;
    const Sample& ms = figures.ms_per_image;
    const auto& mj = figures.total_mj_per_image;
    const std::size_t outliers = ms.outliers().size() + (mj ? mj->outliers().size() : 0);
    std::vector<std::string> row = {run.name,
                                    run.one_stage() ? profile.stages[run.stage].network : "-",
                                    grouped(run.images),
                                    decimal(run.mmac_per_image, 2),
                                    percent(run.top1),
                                    decimal(1e3 / ms.median(), 1),
                                    with_ci95(ms.mean(), ms.ci95(), 4),
                                    decimal(profile.predicted_ms(run), 4),
                                    decimal(figures.busy_w, 2),
                                    total_text(figures),
                                    marginal_text(figures),
                                    decimal(profile.predicted_mj(run), 3),
                                    std::to_string(outliers)};
    if (record.estimate) row.push_back(decimal(record.estimate->mj_per_image(ms), 3));
    table.add_row(row);
  }
  return table.text();
}

std::string stages_text(const CascadeProfile& profile) {
  Table table({"stage", "<network", "entered", "stopped", "ms/entered", "ms/image", "policy ms/image", "alone ms/image",
               "alone mJ/image", "<device"});
  const auto images = static_cast<double>(profile.images);
  int k = 0;
  for (const ProfiledStage& stage : profile.stages) {
    const WorkloadFigures& alone = profile.workloads[stage.alone].figures;
    const double ms = stage.ms.median();
    table.add_row({std::to_string(k++), stage.network, grouped(stage.entered), grouped(stage.stopped),
                   decimal(ms / static_cast<double>(stage.entered), 4), decimal(ms / images, 4),
                   decimal(stage.policy_ms.median() / images, 4), decimal(alone.ms_per_image.median(), 4),
                   decimal(alone.mean_total_mj(), 3), stage.device});
  }
  return table.text();
}

std::string breakdown_line(const char* unit, const std::optional<CostBreakdown>& costs) {
  if (!costs) return "";
  return fmt::format(
      "{}: whole {} = stages on their survivors {} + policies {} + residual {} ({})\n", unit, decimal(costs->whole, 4),
      decimal(costs->stages, 4), with_ci95(costs->policies.mean, costs->policies.ci95, 4),
      with_ci95(costs->residual.mean, costs->residual.ci95, 4), percent(costs->residual.mean / costs->whole, 1));
}

std::string breakdown_text(const CascadeProfile& profile) {
  const std::string text = breakdown_line("ms_per_image", profile.ms) + breakdown_line("mj_per_image", profile.mj) +
                           breakdown_line("marginal_mj_per_image", profile.marginal_mj);
  return text.empty() ? text : "\n" + text;
}

std::string machine_text(const CascadeProfile& profile) {
  const MachineState &idle = profile.idle_state, &warm = profile.warm_state;
  std::string text;
  if (!idle.governor.empty()) text += fmt::format("governor {}; ", idle.governor);
  if (warm.cpu_mhz)
    text += fmt::format("CPU {} MHz before, {} MHz when warm; ", decimal(idle.cpu_mhz, 0), decimal(warm.cpu_mhz, 0));
  if (idle.throttles && warm.throttles)
    text += fmt::format("throttled for heat {} times; ", *warm.throttles - *idle.throttles);
  for (const auto& [path, device] : warm.devices)
    text += fmt::format("{}: {} MHz when warm{}; ", path, decimal(device.clock_mhz, 0),
                        device.throttling.empty() ? "" : ", throttled by " + device.throttling);
  if (text.empty()) return text;
  return "machine " + text.substr(0, text.size() - 2) + "\n";
}

}  // namespace

std::string profile_text(const ProfileRecord& record) {
  const CascadeProfile& profile = record.profile;
  const ProfiledWorkload& whole = profile.cascade();
  const Sample& ms = whole.figures.ms_per_image;
  return fmt::format(
             "images  {}, top-1 {}, {} MMAC an image\n"
             "time    {} ms an image (windows differ by {}), {} images/s\n{}{}"
             "saved against the largest stage alone: {} of the MACs (predicted), {} of the time, {} of the energy\n\n",
             grouped(profile.images), percent(profile.top1), decimal(profile.mmac_per_image, 2),
             decimal(ms.median(), 4), decimal(ms.spread(), 4), decimal(1e3 / ms.median(), 1), energy_lines(record),
             machine_text(profile), percent(profile.predicted_saving(whole), 1), percent(profile.saving_ms(whole), 1),
             percent(profile.saving_mj(whole), 1)) +
         workloads_text(record) + "\n" + stages_text(profile) + breakdown_text(profile);
}

}  // namespace cascadecl
