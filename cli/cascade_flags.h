#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/device_flags.h"
#include "cli/goal_flags.h"
#include "cli/meter_flags.h"
#include "data/dataset.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/executor.h"
#include "runtime/study/runs/placement.h"

namespace cascadecl {

// What a command does with a cascade, and so which of the flags it takes.
enum class CascadeUse {
  trace,    // all of them
  profile,  // all of them; energy is measured whatever --objective says
  run,      // all but --trace; energy is measured, too
  measure,  // its stages on each device: nor --placement and --on-device-failure
};

// The flags of all commands that run a model: --device, --kernel-class, --precision, --batch-size, --policy, those of
// GoalFlags, --combine, --seed, --placement, --objective, --on-device-failure, --device-timeout, --trace, and those of
// MeterFlags.
class CascadeFlags {
 public:
  void add_to(Options& options, CascadeUse use);
  const std::vector<std::string>& names() const { return names_; }  // as add_to() declared them

  // After parsing, before a model is read. Throws UsageError for a bad --policy and for flags that do not go together,
  // OutputError if nothing can be written to --trace.
  void check() const;
  // What is not given is left to the model. With --target-ms and --target-mj it first measures the stages, on noise.
  // Throws as cascadecl::choose(), DeviceNotFoundError, MeasurementError.
  ChosenCascade choose(Model whole) const;
  std::uint64_t seed() const { return seed_; }
  bool auto_placement() const { return auto_placement_; }
  Precision precision() const { return precision_; }

  // One device for each stage: with --placement auto those that are best by a measurement on the first images of the
  // dataset, or on those given, which are announced on stderr unless quiet. Throw DeviceNotFoundError.
  std::vector<Device> place(const ChosenCascade& cascade, const Dataset& dataset, bool quiet) const;
  std::vector<Device> place(const ChosenCascade& cascade, std::span<const std::uint8_t> images, bool quiet,
                            std::span<const std::int32_t> labels = {}) const;
  // All devices that --device names, or all of the machine.
  std::vector<Device> open_candidates() const;
  Objective objective() const { return objective_; }
  MeterEnvironment meters() const { return meters_.environment(); }
  void write_trace(const ExecutorSettings& settings) const;  // to --trace, if given; throws OutputError

 private:
  ExecutorSettings settings() const;
  GoalChoice measured(const UnitGoal& goal, const Model& model) const;
  ExecutorSettings timeouts() const;  // and all else as it is without flags
  DeviceSettings opening_settings() const;

  const Options* options_ = nullptr;  // given to add_to, outlives this
  std::vector<std::string> names_;
  CascadeUse use_ = CascadeUse::run;
  DeviceFlags device_;
  std::string policy_;
  GoalFlags goal_;
  std::optional<Combine> combine_;
  std::uint64_t seed_ = 0;
  int batch_size_ = 128;
  Precision precision_ = Precision::fp32;
  bool auto_placement_ = false;
  Objective objective_ = Objective::throughput;
  MeterFlags meters_;
  OnDeviceFailure on_failure_ = OnDeviceFailure::stop;
  double timeout_s_ = 300;
  std::string trace_;
};

// How a model decides and answers, for JSON: {"name": "learned", "parameter": 0.5, "input": "sorted",
// "hidden": 64, "stop": "learned:0.5", "combine": "reweight"}.
nlohmann::ordered_json policy_json(const ChosenCascade& cascade);
// The same in words: "policy learned:0.5, combine reweight".
std::string policy_text(const ChosenCascade& cascade);

// What the devices did, for JSON: "devices" [{device, busy_s}], "longest_queue" [stages] and "device_failures"
// [{device, reason, stages, moved_to}].
nlohmann::ordered_json pipeline_json(const PipelineStatistics& statistics);
// A line for each failure; empty without one.
std::string failures_text(const PipelineStatistics& statistics);

// --objective throughput|latency|energy.
void add_objective(Options& options, Objective& objective);
// Images that placements are measured on.
inline constexpr std::int64_t placement_images = 1024;

// --combine reweight|last|fitted; without the flag nothing, which stands for default_combine().
void add_combine(Options& options, std::optional<Combine>& combine, std::string_view help);
// --precision fp32|fp16.
void add_precision(Options& options, Precision& precision);
// Throws UsageError: training is in fp32.
void refuse_fp16_training(Precision precision);

}  // namespace cascadecl
