#include "runtime/study/runs/stage_costs.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/energy/device_target.h"
#include "runtime/energy/profile_energy.h"
#include "runtime/statistics.h"
#include "runtime/study/answers/label_probabilities.h"

namespace cascadecl {

StageCosts stage_times_ms(const Model& model, const Device& device, std::span<const std::uint8_t> images, int runs,
                          const ExecutorSettings& settings) {
  StageCosts costs;
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    CascadeExecutor executor = stage_alone(model, k, device, settings);
    std::vector<double> times;
    for (int run = 0; run < runs; ++run) {
      const CascadeResult result = executor.classify(images);
      times.push_back(result.seconds * 1e3 / static_cast<double>(result.images));
    }
    costs.stages.push_back(Sample{times}.median());
  }
  return costs;
}

StageEnergies stage_energies_mj(const Model& model, const Device& device, std::span<const std::uint8_t> images,
                                const ExecutorSettings& settings, const MeterEnvironment& environment) {
  const auto discover = [&] { return discover_meters(environment, meter_target({device.info()})); };
  if (const MeterDiscovery meters = discover(); !meters.complete) return {{}, missing_energy(meters.attempts)};
  StageCosts costs;
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    CascadeExecutor executor = stage_alone(model, k, device, settings);
    const std::int64_t count = executor.classify(images).images;
    const EnergyProfile energy = profile_energy(
        discover(), [&] { executor.classify(images); }, count, totals_alone());
    if (!energy.total_mj_per_image) return {{}, missing_energy(energy.attempts)};
    costs.stages.push_back(*energy.total_mj_per_image);
  }
  return {costs, {}};
}

std::string_view to_string(CostUnit unit) { return unit == CostUnit::mac ? "mac" : unit == CostUnit::ms ? "ms" : "mj"; }

StageCosts measured_costs(CostUnit unit, const Model& model, const Device& device, const Dataset& dataset,
                          const ExecutorSettings& settings, const MeterEnvironment& environment) {
  constexpr std::int64_t kImages = 1024;
  const std::vector<std::uint8_t> images = first_images(dataset, kImages);
  if (unit == CostUnit::ms) return stage_times_ms(model, device, images, 3, settings);
  const StageEnergies energies = stage_energies_mj(model, device, images, settings, environment);
  if (!energies.costs) throw MeasurementError("energy: " + energies.reason);
  return *energies.costs;
}

void require_meters(const Device& device, const MeterEnvironment& environment) {
  const MeterDiscovery meters = discover_meters(environment, meter_target({device.info()}));
  if (!meters.complete) throw MeasurementError("energy: " + missing_energy(meters.attempts));
}

std::string missing_energy(const std::vector<MeterAttempt>& attempts) {
  std::string text;
  for (const MeterAttempt& attempt : attempts) {
    text += fmt::format("{}{} ({}): {}", text.empty() ? "" : "; ", attempt.source, attempt.path, attempt.reason);
    if (!attempt.remedy.empty()) text += fmt::format(" [{}]", attempt.remedy);
  }
  return text.empty() ? "no source covers the devices" : text;
}

std::vector<std::uint8_t> first_images(const Dataset& dataset, std::int64_t count) {
  const std::int64_t images = std::min(count, dataset.size());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * dataset.header().dims.bytes()));
  dataset.read(all_indices(images), pixels.data());
  return pixels;
}

}  // namespace cascadecl
