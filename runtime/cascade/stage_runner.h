#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cascade/executor.h"
#include "runtime/cascade/policy_op.h"
#include "runtime/ops/compact.h"
#include "runtime/ops/image_input.h"
#include "runtime/ops/softmax.h"

namespace cascadecl {

// One stage of a cascade on its device, with room for a batch of images.
class StageRunner {
 public:
  StageRunner(const Device& device, const Model& model, std::size_t stage, const ExecutorSettings& settings);

  const Device& device() const { return device_; }
  bool same_device(const StageRunner& other) const { return device_.context()() == other.device_.context()(); }
  std::size_t peak_bytes() const { return plan_.memory().total(); }

  // Two ways to fill the batch. load() puts n images uint8 [n][C][H][W] of the host at its beginning.
  void load(int n, std::span<const std::uint8_t> images);
  // hand_on() gathers the `survivors` images that the last run() of this stage kept, for `next` on the same device:
  // into its batch if nothing waits there (waiting = 0), else into its pool, from where admit() moves them.
  void hand_on(StageRunner& next, int survivors, int waiting);
  // Copies `count` images from place `from` of the pool to place `to` of the batch.
  void admit(int count, int from, int to);

  // Goes once through all that a call may do, hand_on() and admit() to a `next` on the same device included (NULL:
  // none), on n black images, so that drivers that build kernels at their first launch have done so.
  void warm_up(int n, std::size_t image_bytes, StageRunner* next);

  // Runs the first n images of the batch.
  //   numbers           [n]           of the images, for the stop rule
  //   probabilities     [n][classes]  on the host, of the labels
  //   stop_probability  [n]           1 at the last stage
  //   survivors                       places in the batch of the images that go on, ascending
  struct Outcome {
    std::vector<float> probabilities, stop_probability;
    std::vector<int> survivors;
  };
  // Adds to policy_seconds what comes after the network, if stages are timed.
  Outcome run(int n, std::span<const std::uint64_t> numbers, double& policy_seconds);

 private:
  void write_limits(std::span<const std::uint64_t> numbers);

  Device device_;
  std::size_t stage_, row_;  // row_: elements of one image
  int classes_;
  StopRule stop_;
  bool timed_;
  InferencePlan plan_;
  ImageInput image_input_;
  Softmax softmax_;
  std::optional<PolicyOp> policy_;  // none at the last stage
  Compact compact_;
  Kernel decide_;
  Array<std::uint8_t> pixels_;
  Activation batch_, pool_;
  Array<float> probabilities_, stop_probability_, limits_;
  Array<int> keep_;
};

}  // namespace cascadecl
