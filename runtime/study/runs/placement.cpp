#include "runtime/study/runs/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "data/files/error.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/stage_runner.h"
#include "runtime/opencl/time_limit.h"
#include "runtime/statistics.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {
namespace {

constexpr double kMostPlacements = 1e6;
constexpr int kLatencyRuns = 20;

void check_placement_count(std::size_t stages, std::size_t devices) {
  const double count = std::pow(static_cast<double>(devices), static_cast<double>(stages));
  if (count > kMostPlacements)
    throw UsageError(fmt::format("placement: {} stages on {} devices are {:.0f} placements, more than {:.0f}", stages,
                                 devices, count, kMostPlacements));
}

double median_ms(int runs, const std::function<void()>& work) {
  Sample times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.values.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return times.median();
}

// What is measured, and on what.
struct Task {
  Model model;
  std::span<const std::uint8_t> images;
  std::span<const std::int32_t> labels;  // of the images, or none
  ExecutorSettings settings;
  Objective objective;
  const MeterEnvironment& environment;

  std::size_t image_bytes() const { return model.input.values(); }
  std::size_t image_count() const { return images.size() / image_bytes(); }
  std::vector<std::uint8_t> copy_images(std::size_t count) const {
    return {images.begin(), images.begin() + static_cast<std::ptrdiff_t>(count * image_bytes())};
  }
};

double host_share_of(const Device& device) {
  if (device.info().device_class != DeviceClass::cpu) return 0;
  const auto cores = static_cast<double>(std::max(1U, std::thread::hardware_concurrency()));
  return std::min(1.0, static_cast<double>(device.info().compute_units) / cores);
}

// Of one of `count` images that are uploaded together, no more than a window of the cascade holds.
double upload_ms(const Task& task, const Device& device, std::size_t count, int runs) {
  count = std::min(count, images_per_window(task.settings, task.model.input));
  const auto upload = [device, runs, images = task.copy_images(count)] {
    const std::span<const std::uint8_t> all = images;
    const Array<std::uint8_t> pixels = device.upload(all);
    return median_ms(runs, [&] { device.write(pixels, all); });
  };
  return call_within(task.settings.first_timeout(), device.info().name, "uploading images", upload) /
         static_cast<double>(count);
}

// What the whole cascade does on one device: who comes to each stage, and the time of the policies.
std::vector<StageCounts> run_cascade(const Task& task, const Device& device) {
  ExecutorSettings settings = task.settings;
  settings.time_stages = true;
  CascadeExecutor executor(task.model, std::vector<Device>(task.model.stages.size(), device), settings);
  executor.warm_up();
  return executor.classify(task.images, 0, task.labels).stages;
}

std::vector<double> reach_of(const std::vector<StageCounts>& stages, std::size_t images) {
  std::vector<double> reach;
  for (const StageCounts& stage : stages)
    reach.push_back(static_cast<double>(stage.entered) / static_cast<double>(images));
  return reach;
}

// Milliseconds of the policy for an image that enters a stage; 0 for a stage that none enters.
double policy_ms(const StageCounts& stage) {
  return stage.entered > 0 ? stage.policy_seconds * 1e3 / static_cast<double>(stage.entered) : 0;
}

// [stages], of the cost of an image on one device as PlacementCosts has it.
using DeviceCosts = std::vector<std::optional<double>>;

// One image that comes alone, from its pixels on the device to the answer and the stop probability on the host.
DeviceCosts latencies_ms(const Task& task, const Device& device) {
  ExecutorSettings settings = task.settings;
  settings.max_batch = 1;
  const auto model = std::make_shared<const Model>(task.model);
  DeviceCosts costs;
  for (std::size_t k = 0; k < model->stages.size(); ++k) {
    const auto measure = [device, settings, model, k, image = task.copy_images(1)] {
      const Array<std::uint8_t> pixels = device.upload(image);
      const std::vector<int> slot = {0};
      StageRunner runner(device, *model, k, settings, 1);
      double unused = 0;
      const auto run = [&] { runner.run(pixels, slot, {}, unused); };
      run();
      return median_ms(kLatencyRuns, run);
    };
    const std::string doing = fmt::format("stage {} ({}) on 1 image", k, model->stages[k].network.name());
    costs.emplace_back(call_within(settings.first_timeout(), device.info().name, doing, measure));
  }
  return costs;
}

// A long run of full batches: stages alone, less the upload that is in their time, and their policies.
DeviceCosts throughput_ms(const Task& task, const Device& device, const std::vector<StageCounts>& counts,
                          double upload) {
  DeviceCosts costs;
  for (const double alone : stage_times_ms(task.model, device, task.images, 3, task.settings).stages)
    costs.emplace_back(std::max(0.0, alone - upload + policy_ms(counts[costs.size()])));
  return costs;
}

DeviceCosts energies_mj(const Task& task, const Device& device) {
  const StageEnergies energies = stage_energies_mj(task.model, device, task.images, task.settings, task.environment);
  if (!energies.costs) return DeviceCosts(task.model.stages.size());
  return {energies.costs->stages.begin(), energies.costs->stages.end()};
}

struct MeasuredDevice {
  PlacementDevice device;
  std::vector<double> reach;  // [stages]
  DeviceCosts costs;
};

// `reach` is that of a device before, if any: who comes to a stage does not depend on the device.
MeasuredDevice measure_device(Task task, const Device& device, const std::vector<double>& reach) {
  const std::vector<Device> everywhere(task.model.stages.size(), device);
  task.settings.max_batch = fitting_batch(task.model, everywhere, task.settings);
  MeasuredDevice measured{
      .device = {.name = device.info().name, .host_share = host_share_of(device), .max_batch = task.settings.max_batch},
      .reach = reach};
  PlacementDevice& of = measured.device;
  const bool latency = task.objective == Objective::latency;
  of.upload_ms = latency ? upload_ms(task, device, 1, kLatencyRuns) : upload_ms(task, device, task.image_count(), 5);
  std::vector<StageCounts> counts;
  if (reach.empty() || task.objective == Objective::throughput) {
    counts = run_cascade(task, device);
    measured.reach = reach_of(counts, task.image_count());
  }
  measured.costs = latency                                   ? latencies_ms(task, device)
                   : task.objective == Objective::throughput ? throughput_ms(task, device, counts, of.upload_ms)
                                                             : energies_mj(task, device);
  return measured;
}

// The same; a device that cannot is told with the reason.
MeasuredDevice measure_or_leave_out(const Task& task, const Device& device, const std::vector<double>& reach) {
  try {
    return measure_device(task, device, reach);
  } catch (const DeviceHangError&) {
    throw;  // its thread may still be in the device
  } catch (const DeviceError& error) {
    return {.device = {.name = device.info().name, .left_out = error.what()},
            .reach = reach,
            .costs = DeviceCosts(task.model.stages.size())};
  }
}

// Throws if nothing can be placed.
void require_costs(const PlacementCosts& costs, const MeterEnvironment& environment) {
  if (std::ranges::all_of(costs.devices, [](const PlacementDevice& device) { return !device.left_out.empty(); })) {
    std::string reasons;
    for (const PlacementDevice& device : costs.devices) reasons += (reasons.empty() ? "" : "; ") + device.left_out;
    throw DeviceError("placement: no device can run the cascade: " + reasons);
  }
  const auto known = [](const DeviceCosts& row) {
    return std::ranges::any_of(row, [](const auto& cost) { return cost.has_value(); });
  };
  if (std::ranges::none_of(costs.stage, known))
    throw MeasurementError("placement: energy: " + missing_energy(discover_meters(environment, {}).attempts));
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
  check_placement_count(stages, devices);
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
                                 Objective objective, const MeterEnvironment& environment,
                                 std::span<const std::int32_t> labels) {
  check_placement_count(model.stages.size(), devices.size());
  Task task{model, images, labels, settings, objective, environment};
  obey_decision(task.model, task.settings);
  task.settings.trace = nullptr;
  task.settings.time_stages = false;  // but where their parts are asked for
  PlacementCosts costs{.stage = std::vector<DeviceCosts>(model.stages.size())};
  for (const Device& device : devices) {
    const MeasuredDevice measured = measure_or_leave_out(task, device, costs.reach);
    costs.devices.push_back(measured.device);
    if (costs.reach.empty()) costs.reach = measured.reach;
    for (std::size_t k = 0; k < costs.stage.size(); ++k) costs.stage[k].push_back(measured.costs[k]);
  }
  require_costs(costs, environment);
  return costs;
}

}  // namespace cascadecl
