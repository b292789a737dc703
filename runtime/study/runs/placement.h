#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// The goal of a placement: images a second of a long run, the time of an image that comes alone, or joules.
enum class Objective { throughput, latency, energy };
std::string_view to_string(Objective objective);

// One device that stages may run on.
struct PlacementDevice {
  std::string name;
  // Devices of the host's processor share its cores: what they do at once adds up. Those with memory and units of their
  // own do not. Share of the host's cores that the device keeps busy, 0 for a GPU.
  double host_share = 0;
  double upload_ms = 0;  // of one image, uploaded with others; for latency alone
  int max_batch = 0;     // the largest that fits into its memory, at most that of the settings
  std::string left_out;  // why no stage can run on it; empty where they can
};

// The measured costs that a placement is chosen by.
struct PlacementCosts {
  std::vector<PlacementDevice> devices;
  std::vector<double> reach;  // [stages], share of all images that come to a stage
  // [stages][devices], of an image that enters: in milliseconds for throughput (full batches) and latency (batches of
  // one), its policy included and its upload not; in millijoules for energy, its upload included and its policy not.
  // Nothing stands for a device that is left out, or whose energy cannot be measured.
  std::vector<std::vector<std::optional<double>>> stage;
};

struct Placement {
  std::vector<std::size_t> device;  // [stages], places in PlacementCosts::devices
  // Of an image: milliseconds between two results (throughput) or until its result (latency), or millijoules; the mean
  // over images that leave at any stage.
  double cost = 0;
};

// The cost of one placement, with an upload wherever a stage's images come from another device. Nothing if a part of it
// is unknown.
std::optional<double> placement_cost(const PlacementCosts& costs, std::span<const std::size_t> device,
                                     Objective objective);

// All placements whose cost is known, best first; among equals those that use earlier devices. Throws UsageError if
// there are more than a million.
std::vector<Placement> rank_placements(const PlacementCosts& costs, Objective objective);

// Measures the costs on images uint8 [N][C][H][W], N >= 1, with labels [N] for policies that read them, or none.
// Different devices must have contexts of their own. A device that cannot run the cascade, for lack of memory or
// because a call fails, is left out with the reason. Throws DeviceError if none is left, DeviceHangError if one does
// not answer in time, MeasurementError for energy if that of no device can be measured, and UsageError as
// rank_placements() does.
PlacementCosts measure_placement(const Model& model, const std::vector<Device>& devices,
                                 std::span<const std::uint8_t> images, const ExecutorSettings& settings,
                                 Objective objective, const MeterEnvironment& environment = {},
                                 std::span<const std::int32_t> labels = {});

}  // namespace cascadecl
