#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/device_flags.h"
#include "runtime/cascade/executor.h"

namespace cascadecl {

// The flags of all commands that run a model: --device, --kernel-class, --precision, --batch-size, --stop, --combine,
// --policy, --seed.
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

 private:
  bool decides(const std::optional<Decision>& standard) const;

  const Options* options_ = nullptr;  // given to add_to, outlives this
  DeviceFlags device_;
  std::string stop_ = "argmax", policy_ = "learned";
  Combine combine_ = Combine::reweight;
  std::uint64_t seed_ = 0;
  int batch_size_ = 128;
  Precision precision_ = Precision::fp32;
};

// How a model decides and answers, for JSON: {"name": "learned", "parameter": 0.5, "input": "sorted",
// "hidden": 64, "stop": "argmax", "combine": "reweight"}.
nlohmann::ordered_json policy_json(const Model& model, const ExecutorSettings& settings, const PolicyChoice& choice);

// --precision fp32|fp16.
void add_precision(Options& options, Precision& precision);
// Throws UsageError: training is in fp32.
void refuse_fp16_training(Precision precision);

}  // namespace cascadecl
