#include "cli/report/model_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/loader.h"
#include "runtime/energy/device_target.h"
#include "runtime/energy/profile_energy.h"

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
    const CascadeResult result = executor.classify(batch->images, done);
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

std::string reason_of(const std::vector<MeterAttempt>& attempts) {
  std::string text;
  for (const MeterAttempt& attempt : attempts) {
    text += fmt::format("{}{} ({}): {}", text.empty() ? "" : "; ", attempt.source, attempt.path, attempt.reason);
  }
  return text.empty() ? "no energy counter covers the devices" : text;
}

// Of a cascade on its devices; without a counter nothing is run.
std::optional<double> energy_of(const Model& model, const std::vector<Device>& devices,
                                std::span<const std::uint8_t> images, std::int64_t count,
                                const ExecutorSettings& settings, std::string& reason) {
  std::vector<DeviceInfo> infos;
  for (const Device& device : devices) infos.push_back(device.info());
  const MeterDiscovery meters = discover_meters({}, meter_target(infos));
  if (!meters.complete) {
    reason = reason_of(meters.attempts);
    return std::nullopt;
  }
  CascadeExecutor executor(model, devices, settings);
  const auto classify = [&] { executor.classify(images); };
  const EnergyProfile profile = profile_energy(meters, classify, static_cast<long>(count));
  if (!profile.total_mj_per_image) reason = reason_of(profile.attempts);
  return profile.total_mj_per_image;
}

void measure_energy(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                    const ExecutorSettings& settings, ModelRun& run) {
  const std::int64_t count = std::min(dataset.size(), energy_images);
  std::vector<std::uint8_t> images(static_cast<std::size_t>(count * dataset.header().dims.bytes()));
  dataset.read(all_indices(count), images.data());
  run.mj_per_image = energy_of(model, devices, images, count, settings, run.energy_reason);
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    run.stage_mj_per_image.push_back(
        energy_of(single_stage(model, k), {devices[k]}, images, count, settings, run.energy_reason));
  }
}

}  // namespace

ModelRun run_model(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                   const ExecutorSettings& settings, const Progress& progress) {
  const std::int64_t images = dataset.size();
  const auto pass = [&](std::int64_t number) {
    return [&progress, images, number](std::int64_t done) { progress(number * images + done); };
  };
  ModelRun run;
  run.evaluation =
      evaluate(model, devices, dataset, {.executor = settings, .static_control = true, .progress = pass(0)});
  decide(model, devices, dataset, settings, pass(1), run);
  run.probabilities =
      label_probabilities(model, devices.front(), dataset, all_indices(images), settings.max_batch, pass(2));
  measure_energy(model, devices, dataset, settings, run);
  return run;
}

}  // namespace cascadecl
