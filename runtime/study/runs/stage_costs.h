#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model.h"
#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// Milliseconds an image, each stage alone on the images uint8 [N][C][H][W], N >= 1; the median of `runs` runs. A
// policy's own time, a hundredth of a small stage's, counts as 0.
StageCosts stage_times_ms(const Model& model, const Device& device, std::span<const std::uint8_t> images, int runs = 3,
                          const ExecutorSettings& settings = {});

// Millijoules an image, each stage alone; empty where the device's energy cannot be measured, with the reason.
struct StageEnergies {
  std::optional<StageCosts> costs;
  std::string reason;
};
StageEnergies stage_energies_mj(const Model& model, const Device& device, std::span<const std::uint8_t> images,
                                const ExecutorSettings& settings = {}, const MeterEnvironment& environment = {});

enum class CostUnit { mac, ms, mj };
std::string_view to_string(CostUnit unit);

// Costs in ms or mj, measured on the device with the first images of a dataset, at most 1,024.
// Throws MeasurementError telling why energy cannot be measured.
StageCosts measured_costs(CostUnit unit, const Model& model, const Device& device, const Dataset& dataset,
                          const ExecutorSettings& settings = {}, const MeterEnvironment& environment = {});
// Throws the same before any work, if no meter covers the device.
void require_meters(const Device& device, const MeterEnvironment& environment = {});

// The sources that were tried and their reasons in one line.
std::string missing_energy(const std::vector<MeterAttempt>& attempts);

// The first images of a dataset, at most `count`.
std::vector<std::uint8_t> first_images(const Dataset& dataset, std::int64_t count);

}  // namespace cascadecl
