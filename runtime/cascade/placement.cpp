#include "runtime/cascade/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include "data/error.h"
#include "runtime/cascade/stage_costs.h"
#include "runtime/statistics.h"

namespace cascadecl {
namespace {

constexpr double kMostPlacements = 1e6;
constexpr int kLatencyRuns = 20;

double median_ms(int runs, const std::function<void()>& work) {
  Sample times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.values.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return times.median();
}

PlacementDevice measure_device(const Device& device, std::span<const std::uint8_t> images, std::size_t n) {
  const auto cores = static_cast<double>(std::max(1U, std::thread::hardware_concurrency()));
  const Array<std::uint8_t> pixels = device.allocate<std::uint8_t>(images.size());
  PlacementDevice measured{.name = device.info().name};
  if (device.info().device_class == DeviceClass::cpu)
    measured.host_share = std::min(1.0, static_cast<double>(device.info().compute_units) / cores);
  device.write(pixels, images);
  measured.upload_ms = median_ms(5, [&] { device.write(pixels, images); }) / static_cast<double>(n);
  return measured;
}

// What the whole cascade does on one device: who comes to each stage, and the time of the policies.
std::vector<StageCounts> run_cascade(const Model& model, const Device& device, std::span<const std::uint8_t> images,
                                     ExecutorSettings settings) {
  settings.time_stages = true;
  settings.trace = nullptr;
  CascadeExecutor executor(model, std::vector<Device>(model.stages.size(), device), settings);
  executor.warm_up();
  return executor.classify(images).stages;
}

// Milliseconds of the policy for an image that enters a stage; 0 for a stage that none enters.
double policy_ms(const StageCounts& stage) {
  return stage.entered > 0 ? stage.policy_seconds * 1e3 / static_cast<double>(stage.entered) : 0;
}

std::vector<double> latencies_ms(const Model& model, const Device& device, std::span<const std::uint8_t> image,
                                 ExecutorSettings settings) {
  settings.max_batch = 1;
  std::vector<double> times;
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    CascadeExecutor alone = stage_alone(model, k, device, settings);
    times.push_back(median_ms(kLatencyRuns, [&] { alone.classify(image); }));
  }
  return times;
}

// [stages]; uploads included.
std::vector<std::optional<double>> stage_costs(const Model& model, const Device& device,
                                               std::span<const std::uint8_t> images, std::size_t image_bytes,
                                               const ExecutorSettings& settings, Objective objective,
                                               const MeterEnvironment& environment) {
  const auto known = [](const std::vector<double>& values) {
    return std::vector<std::optional<double>>(values.begin(), values.end());
  };
  if (objective == Objective::latency) return known(latencies_ms(model, device, images.first(image_bytes), settings));
  if (objective == Objective::throughput) return known(stage_times_ms(model, device, images, 3, settings).stages);
  const StageEnergies energies = stage_energies_mj(model, device, images, settings, environment);
  if (energies.costs) return known(energies.costs->stages);
  return std::vector<std::optional<double>>(model.stages.size());
}

}  // namespace

std::string_view to_string(Objective objective) {
  switch (objective) {
    case Objective::throughput:
      return "throughput";
    case Objective::latency:
      return "latency";
    case Objective::energy:
      return "energy";
  }
  return "";
}

std::optional<double> placement_cost(const PlacementCosts& costs, std::span<const std::size_t> device,
                                     Objective objective) {
  std::vector<double> busy(costs.devices.size());
  for (std::size_t k = 0; k < device.size(); ++k) {
    const std::size_t at = device[k];
    const std::optional<double>& stage = costs.stage[k][at];
    if (!stage) return std::nullopt;
    const bool enters = k == 0 || device[k - 1] != at;
    const bool uploads = enters && objective != Objective::energy;
    busy[at] += costs.reach[k] * (*stage + (uploads ? costs.devices[at].upload_ms : 0));
  }
  double sum = 0, longest = 0, host = 0;
  for (std::size_t i = 0; i < busy.size(); ++i) {
    sum += busy[i];
    longest = std::max(longest, busy[i]);
    host += busy[i] * costs.devices[i].host_share;
  }
  return objective == Objective::throughput ? std::max(longest, host) : sum;
}

std::vector<Placement> rank_placements(const PlacementCosts& costs, Objective objective) {
  const std::size_t stages = costs.reach.size(), devices = costs.devices.size();
  const double count = std::pow(static_cast<double>(devices), static_cast<double>(stages));
  if (count > kMostPlacements)
    throw UsageError(fmt::format("placement: {} stages on {} devices are {:.0f} placements, more than {:.0f}", stages,
                                 devices, count, kMostPlacements));
  std::vector<Placement> placements;
  std::vector<std::size_t> device(stages);
  for (;;) {
    if (const auto cost = placement_cost(costs, device, objective)) placements.push_back({device, *cost});
    std::size_t k = stages;
    while (k > 0 && ++device[k - 1] == devices) device[--k] = 0;
    if (k == 0) break;
  }
  std::ranges::stable_sort(placements, {}, &Placement::cost);
  return placements;
}

PlacementCosts measure_placement(const Model& model, const std::vector<Device>& devices,
                                 std::span<const std::uint8_t> images, const ExecutorSettings& settings,
                                 Objective objective, const MeterEnvironment& environment) {
  const std::size_t image_bytes = model.input.values();
  const std::size_t n = images.size() / image_bytes;
  const bool timed = objective != Objective::energy;
  PlacementCosts costs{.stage = std::vector<std::vector<std::optional<double>>>(model.stages.size())};
  bool any = false;
  for (const Device& device : devices) {
    costs.devices.push_back(measure_device(device, images, n));
    const std::vector<StageCounts> counts = run_cascade(model, device, images, settings);
    if (costs.reach.empty())
      for (const StageCounts& stage : counts)
        costs.reach.push_back(static_cast<double>(stage.entered) / static_cast<double>(n));
    const auto of_stages = stage_costs(model, device, images, image_bytes, settings, objective, environment);
    for (std::size_t k = 0; k < of_stages.size(); ++k) {
      any |= of_stages[k].has_value();
      const double beside = timed ? policy_ms(counts[k]) - costs.devices.back().upload_ms : 0;
      costs.stage[k].push_back(of_stages[k] ? std::optional(std::max(0.0, *of_stages[k] + beside)) : std::nullopt);
    }
  }
  if (!any) {
    const MeterDiscovery meters = discover_meters(environment, {});
    throw MeasurementError("placement: energy: " + missing_energy(meters.attempts));
  }
  return costs;
}

}  // namespace cascadecl
