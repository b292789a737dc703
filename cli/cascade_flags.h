#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/device_flags.h"
#include "data/dataset.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/placement.h"

namespace cascadecl {

// The flags of all commands that run a model: --device, --kernel-class, --precision, --batch-size, --stop, --combine,
// --policy, --seed, --placement, --objective, --on-device-failure, --device-timeout, --trace.
class CascadeFlags {
 public:
  void add_to(Options& options);

  // After parsing. `standard` is the model's own decision, which holds where neither --policy nor --stop was given, and
  // its combination where --combine was not. Throw UsageError for a bad --stop or --policy.
  ExecutorSettings settings(const std::optional<Decision>& standard = {}) const;
  void check() const { settings(); }                                        // before a model is read
  PolicyChoice choice(const std::optional<Decision>& standard = {}) const;  // model_under() gives the model it runs
  int batch_size() const { return batch_size_; }
  Combine combine() const { return combine_; }
  bool all_policies() const { return policy_ == "all"; }
  std::vector<Device> open_devices(std::size_t stages) const;  // throws DeviceNotFoundError
  // One device for each stage: with --placement auto those that are best by a measurement on the first images of the
  // dataset, which are announced on stderr unless quiet.
  std::vector<Device> place(const Model& model, const Dataset& dataset, const ExecutorSettings& settings,
                            bool quiet) const;
  // All devices that --device names, or all of the machine.
  std::vector<Device> open_candidates() const;
  Objective objective() const { return objective_; }
  void refuse_trace() const;                                 // throws UsageError where it would trace nothing
  void write_trace(const ExecutorSettings& settings) const;  // to --trace, if given; throws OutputError

 private:
  bool decides(const std::optional<Decision>& standard) const;

  const Options* options_ = nullptr;  // given to add_to, outlives this
  DeviceFlags device_;
  std::string stop_ = "argmax", policy_ = "learned";
  Combine combine_ = Combine::reweight;
  std::uint64_t seed_ = 0;
  int batch_size_ = 128;
  Precision precision_ = Precision::fp32;
  bool auto_placement_ = false;
  Objective objective_ = Objective::throughput;
  OnDeviceFailure on_failure_ = OnDeviceFailure::stop;
  double timeout_s_ = 300;
  std::string trace_;
};

// How a model decides and answers, for JSON: {"name": "learned", "parameter": 0.5, "input": "sorted",
// "hidden": 64, "stop": "argmax", "combine": "reweight"}.
nlohmann::ordered_json policy_json(const Model& model, const ExecutorSettings& settings, const PolicyChoice& choice);

// What the devices did, for JSON: "devices" [{device, busy_s}], "longest_queue" [stages] and "device_failures"
// [{device, reason, stages, moved_to}].
nlohmann::ordered_json pipeline_json(const PipelineStatistics& statistics);
// A line for each failure; empty without one.
std::string failures_text(const PipelineStatistics& statistics);

// --objective throughput|latency|energy.
void add_objective(Options& options, Objective& objective);
// Images that placements are measured on.
inline constexpr std::int64_t placement_images = 1024;

// --precision fp32|fp16.
void add_precision(Options& options, Precision& precision);
// Throws UsageError: training is in fp32.
void refuse_fp16_training(Precision precision);

}  // namespace cascadecl
