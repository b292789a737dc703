#include "cli/report/model_run.h"

#include <algorithm>

#include "data/loader.h"
#include "runtime/energy/device_target.h"
#include "runtime/energy/profile_energy.h"
#include "runtime/study/answers/label_probabilities.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {
namespace {

using Progress = std::function<void(std::int64_t)>;

constexpr std::int64_t energy_images = 2048;  // at most; they are run again and again

// Exits, answers and stop probabilities of all images.
void decide(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
            const ExecutorSettings& settings, const Progress& progress, ModelRun& run) {
  CascadeExecutor executor(model, devices, settings);
  BatchLoader loader(dataset, all_indices(dataset.size()), {.batch_size = settings.max_batch * 8, .shuffle = false});
  loader.start_epoch(0);
  const auto images = static_cast<std::size_t>(dataset.size());
  run.stop_probability.resize(model.stages.size() * images);
  while (const auto batch = loader.next()) {
    const std::size_t done = run.exits.size();
    const CascadeResult result = executor.classify(batch->images, done, batch->labels);
    const auto count = static_cast<std::size_t>(result.images);
    run.exits.insert(run.exits.end(), result.exit_stage.begin(), result.exit_stage.end());
    for (std::int64_t i = 0; i < result.images; ++i) run.answers.push_back(result.label(i));
    for (std::size_t k = 0; k < model.stages.size(); ++k) {
      std::copy_n(result.stop_probability.begin() + static_cast<std::ptrdiff_t>(k * count), count,
                  run.stop_probability.begin() + static_cast<std::ptrdiff_t>(k * images + done));
    }
    progress(static_cast<std::int64_t>(run.exits.size()));
  }
}

// Of a cascade that runs on these devices.
std::optional<double> energy_of(CascadeExecutor executor, const std::vector<Device>& devices,
                                const MeterEnvironment& environment, std::span<const std::uint8_t> images,
                                std::span<const std::int32_t> labels, std::string& reason) {
  const MeterDiscovery meters = discover_meters(environment, meter_target(devices));
  const EnergyProfile profile = profile_energy(
      meters, [&] { executor.classify(images, 0, labels); }, static_cast<std::int64_t>(labels.size()), totals_alone());
  if (!profile.total_mj_per_image) reason = missing_energy(profile.attempts);
  return profile.total_mj_per_image;
}

// Without a counter nothing is read or run.
void measure_energy(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                    const MeterEnvironment& environment, const ExecutorSettings& settings, ModelRun& run) {
  run.stage_mj_per_image.resize(model.stages.size());
  if (const MeterDiscovery meters = discover_meters(environment, meter_target(devices)); !meters.complete) {
    run.energy_reason = missing_energy(meters.attempts);
    return;
  }
  const std::vector<std::uint8_t> images = first_images(dataset, energy_images);
  const auto labels = dataset.labels().first(static_cast<std::size_t>(std::min(dataset.size(), energy_images)));
  run.mj_per_image =
      energy_of(CascadeExecutor(model, devices, settings), devices, environment, images, labels, run.energy_reason);
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    run.stage_mj_per_image[k] = energy_of(stage_alone(model, k, devices[k], settings), {devices[k]}, environment,
                                          images, labels, run.energy_reason);
  }
}

}  // namespace

ModelRun run_model(const ChosenCascade& cascade, const std::vector<Device>& devices, const Dataset& dataset,
                   const MeterEnvironment& meters, const Progress& progress) {
  const Model& model = cascade.model;
  ExecutorSettings settings = cascade.settings;
  settings.on_failure = OnDeviceFailure::stop;  // figures of two devices in one would be of none
  const std::int64_t images = dataset.size();
  const auto pass = [&](std::int64_t number) {
    return [&progress, images, number](std::int64_t done) { progress(number * images + done); };
  };
  ModelRun run;
  run.evaluation = evaluate(
      model, devices, dataset,
      {.executor = settings, .static_control = true, .largest_mmac = cascade.largest_mmac, .progress = pass(0)});
  decide(model, devices, dataset, settings, pass(1), run);
  run.probabilities = label_probabilities(model, devices.front(), dataset, all_indices(images), settings, pass(2));
  measure_energy(model, devices, dataset, meters, settings, run);
  return run;
}

}  // namespace cascadecl
