#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/error.h"
#include "runtime/cascade/label_probabilities.h"
#include "runtime/cascade/stage_costs.h"
#include "runtime/energy/device_target.h"
#include "runtime/energy/profile_energy.h"
#include "runtime/io/model_file.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// What one stage costs.
struct StageProfile {
  std::int64_t entered = 0;
  std::optional<double> ms_per_entered;  // time for an image that entered
  double ms_per_image = 0;               // the same, spread over all images: the stages' sum is close to the whole
  double alone_ms_per_image = 0;         // the stage alone on all images
  EnergyProfile alone_energy;
};

struct Profile {
  std::int64_t images = 0;
  double ms_per_image = 0, spread_ms_per_image = 0;
  std::vector<StageProfile> stages;
  EnergyProfile energy;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs all images `runs` times. Returns the results' times in milliseconds an image.
std::vector<double> time_runs(CascadeExecutor& executor, std::span<const std::uint8_t> images, int runs,
                              std::vector<CascadeResult>& results) {
  std::vector<double> times;
  executor.warm_up();
  for (int i = 0; i < runs; ++i) {
    results.push_back(executor.classify(images));
    times.push_back(results.back().seconds * 1e3 / static_cast<double>(results.back().images));
  }
  return times;
}

void profile_stage_times(const std::vector<CascadeResult>& results, Profile& profile) {
  const auto images = static_cast<double>(profile.images);
  for (std::size_t k = 0; k < profile.stages.size(); ++k) {
    StageProfile& stage = profile.stages[k];
    std::vector<double> times;
    for (const CascadeResult& result : results) times.push_back(result.stages[k].seconds * 1e3);
    stage.entered = results.front().stages[k].entered;
    stage.ms_per_image = median(times) / images;
    if (stage.entered > 0) stage.ms_per_entered = median(times) / static_cast<double>(stage.entered);
  }
}

EnergyProfile energy_of(CascadeExecutor& executor, const std::vector<DeviceInfo>& devices,
                        std::span<const std::uint8_t> images, std::int64_t count) {
  const MeterDiscovery meters = discover_meters({}, meter_target(devices));
  return profile_energy(
      meters, [&] { executor.classify(images); }, static_cast<long>(count));
}

Profile make_profile(const Model& model, const std::vector<Device>& devices, std::span<const std::uint8_t> images,
                     const ExecutorSettings& settings, int runs) {
  Profile profile;
  profile.images = static_cast<std::int64_t>(
      images.size() / (static_cast<std::size_t>(model.input.channels) * static_cast<std::size_t>(model.input.height) *
                       static_cast<std::size_t>(model.input.width)));
  profile.stages.resize(model.stages.size());
  std::vector<DeviceInfo> infos;
  for (const Device& device : devices) infos.push_back(device.info());
  {
    CascadeExecutor executor(model, devices, settings);
    std::vector<CascadeResult> results;
    const std::vector<double> times = time_runs(executor, images, runs, results);
    profile.ms_per_image = median(times);
    profile.spread_ms_per_image =
        *std::max_element(times.begin(), times.end()) - *std::min_element(times.begin(), times.end());
    profile_stage_times(results, profile);
    profile.energy = energy_of(executor, infos, images, profile.images);
  }
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    CascadeExecutor alone(single_stage(model, k), {devices[k]}, settings);
    std::vector<CascadeResult> results;
    profile.stages[k].alone_ms_per_image = median(time_runs(alone, images, runs, results));
    profile.stages[k].alone_energy = energy_of(alone, {infos[k]}, images, profile.images);
  }
  return profile;
}

ordered_json energy_json(const EnergyProfile& energy) {
  ordered_json domains = ordered_json::array(), attempts = ordered_json::array();
  for (const DomainEnergyProfile& domain : energy.domains) {
    domains.push_back({{"source", domain.domain.source},
                       {"name", domain.domain.name},
                       {"path", domain.domain.path},
                       {"counted", domain.domain.counted},
                       {"idle_w", number_or_null(domain.idle_w)},
                       {"busy_w", number_or_null(domain.busy_w)},
                       {"mj_per_image", number_or_null(domain.total_mj_per_image)},
                       {"marginal_mj_per_image", number_or_null(domain.marginal_mj_per_image)}});
  }
  for (const MeterAttempt& attempt : energy.attempts) {
    attempts.push_back({{"source", attempt.source},
                        {"path", attempt.path},
                        {"reason", attempt.reason},
                        {"remedy", attempt.remedy.empty() ? ordered_json(nullptr) : ordered_json(attempt.remedy)}});
  }
  return {{"mj_per_image", number_or_null(energy.total_mj_per_image)},
          {"marginal_mj_per_image", number_or_null(energy.marginal_mj_per_image)},
          {"spread_mj_per_image", number_or_null(energy.spread_mj_per_image)},
          {"idle_before_w", number_or_null(energy.idle_before_w)},
          {"idle_after_w", number_or_null(energy.idle_after_w)},
          {"domains", domains},
          {"sources_tried", attempts}};
}

ordered_json to_json(const Profile& profile, const Model& model, const std::vector<Device>& devices,
                     const ExecutorSettings& settings, const PolicyChoice& choice) {
  ordered_json stages = ordered_json::array();
  for (std::size_t k = 0; k < profile.stages.size(); ++k) {
    const StageProfile& stage = profile.stages[k];
    stages.push_back({{"network", model.stages[k].network.name()},
                      {"device", devices[k].info().name},
                      {"entered", stage.entered},
                      {"ms_per_entered_image", number_or_null(stage.ms_per_entered)},
                      {"ms_per_image", stage.ms_per_image},
                      {"alone_ms_per_image", stage.alone_ms_per_image},
                      {"alone_mj_per_image", number_or_null(stage.alone_energy.total_mj_per_image)},
                      {"alone_marginal_mj_per_image", number_or_null(stage.alone_energy.marginal_mj_per_image)}});
  }
  return {{"images", profile.images},
          {"batch_size", settings.max_batch},
          {"device", device_names(devices)},
          {"kernel_class", kernel_class_names(devices)},
          {"precision", to_string(settings.precision)},
          {"policy", policy_json(model, settings, choice)},
          {"ms_per_image", profile.ms_per_image},
          {"spread_ms_per_image", profile.spread_ms_per_image},
          {"images_per_s", 1e3 / profile.ms_per_image},
          {"mj_per_image", number_or_null(profile.energy.total_mj_per_image)},
          {"stages", stages},
          {"energy", energy_json(profile.energy)}};
}

// Why there is no energy: each source with its reason.
std::string to_text(const Profile& profile, const Model& model, const std::vector<Device>& devices) {
  const auto millijoules = [](const EnergyProfile& energy) { return decimal(energy.total_mj_per_image, 3); };
  Table table(
      {"stage", "<network", "entered", "ms/entered", "ms/image", "alone ms/image", "alone mJ/image", "<device"});
  for (std::size_t k = 0; k < profile.stages.size(); ++k) {
    const StageProfile& stage = profile.stages[k];
    table.add_row({std::to_string(k), model.stages[k].network.name(), grouped(stage.entered),
                   decimal(stage.ms_per_entered, 4), decimal(stage.ms_per_image, 4),
                   decimal(stage.alone_ms_per_image, 4), millijoules(stage.alone_energy), devices[k].info().name});
  }
  std::string text = fmt::format(
      "images  {}\ntime    {:.4f} ms an image (runs differ by {:.4f}), {:.1f} images/s\nenergy  {} mJ an image\n",
      grouped(profile.images), profile.ms_per_image, profile.spread_ms_per_image, 1e3 / profile.ms_per_image,
      millijoules(profile.energy));
  if (!profile.energy.total_mj_per_image) text += fmt::format("        {}\n", missing_energy(profile.energy.attempts));
  return text + "\n" + table.text();
}

}  // namespace

void run_profile(const Arguments& arguments) {
  std::string model_path, data;
  CascadeFlags flags;
  std::int64_t images = 2048;
  int runs = 3;
  bool require_energy = false;
  Options options(
      "profile MODEL --data FILE[:split] [flags]",
      "Measures time and energy per image, of the whole cascade and of each stage, on the first images of a\n"
      "dataset (its split test unless one is named). Energy is unknown where no counter can be read.");
  options.add_positional("MODEL", model_path);
  options.add_text("data", data, "FILE[:split]", "dataset file");
  flags.add_to(options);
  options.add_number("images", images, 1, 10'000'000, "how many images, at most");
  options.add_number("runs", runs, 1, 1000, "repetitions; times are medians");
  options.add_switch("require-energy", require_energy, "fail with status 5 if the energy cannot be measured");
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");

  flags.check();
  const Model whole = read_model(model_path);
  const PolicyChoice choice = flags.choice(whole.decision);
  ExecutorSettings settings = flags.settings(whole.decision);
  settings.time_stages = true;
  const Model model = model_under(whole, choice);
  const auto dataset = open_data(data, "test");
  check_dataset(model, dataset->header());
  const std::vector<Device> devices = flags.open_devices(model.stages.size());
  settings.max_batch = fitting_batch(model, devices, settings);
  if (require_energy) {
    std::vector<DeviceInfo> infos;
    for (const Device& device : devices) infos.push_back(device.info());
    const MeterDiscovery meters = discover_meters({}, meter_target(infos));
    if (!meters.complete) throw MeasurementError("energy: " + missing_energy(meters.attempts));
  }
  const Profile profile = make_profile(model, devices, first_images(*dataset, images), settings, runs);
  if (require_energy && !profile.energy.total_mj_per_image) {
    throw MeasurementError("energy: " + missing_energy(profile.energy.attempts));
  }
  if (options.json()) return print_json(to_json(profile, model, devices, settings, choice));
  print(to_text(profile, model, devices));
}

}  // namespace cascadecl
