#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/policy_op.h"
#include "runtime/network/inference_plan.h"
#include "runtime/ops/image_input.h"
#include "runtime/ops/softmax.h"

namespace cascadecl {

// Runs one stage of a cascade on its device, for a window of images at a time: its network batch by batch, its policy
// in one launch. The host waits once, for the result.
class StageRunner {
 public:
  // window: the most images of a call of run(). read_features: run() gives the pooled features too.
  StageRunner(const Device& device, const Model& model, std::size_t stage, const ExecutorSettings& settings,
              std::size_t window, bool read_features = false);

  const Device& device() const { return device_; }
  std::size_t peak_bytes() const { return plan_.memory().total(); }

  //   probabilities     [n][classes]  of the labels
  //   stop_probability  [n]           of the policy; 1 at the last stage
  //   features          [n][features of the stage], empty unless they are read
  struct Outcome {
    std::vector<float> probabilities, stop_probability, features;
  };
  // Runs the images that lie at `slots` [n] of pixels uint8 [...][C][H][W]. earlier [n][classes]: what a policy that
  // sees_earlier() gets of the stages before, see pool_earlier(); empty counts as zeros, for time alone. Adds the
  // policy's time to policy_seconds if stages are timed.
  Outcome run(const Array<std::uint8_t>& pixels, std::span<const int> slots, std::span<const float> earlier,
              double& policy_seconds);

 private:
  void run_networks(const Array<std::uint8_t>& pixels, std::span<const int> slots);

  Device device_;
  int classes_, max_batch_, feature_count_;
  bool timed_, read_features_;
  InferencePlan plan_;
  ImageInput image_input_;
  Softmax softmax_;
  std::optional<PolicyOp> policy_;  // none at the last stage
  Array<int> slots_;                // [window]
  ActivationArray batch_;
  Array<float> probabilities_, stop_probability_;  // [window][classes], [window]
  Array<float> features_;  // [window][features]; empty where neither policy nor caller sees them
  Array<float> earlier_;   // [window][classes]; empty unless the policy sees the combined answer
};

// Whether the policy of a stage sees what earlier stages said, beside its own.
bool sees_earlier(const Model& model, std::size_t stage);

// Throws DeviceError naming device and stage if a probability is not finite: then the device is broken, or the weights
// are.
void check_probabilities(const StageRunner::Outcome& outcome, const Device& device, const Model& model,
                         std::size_t stage);

}  // namespace cascadecl
