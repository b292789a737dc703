#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "runtime/cascade/stage_runner.h"

namespace cascadecl {

// One device of a pipeline: its stages, and the images that it holds, as bytes. Each image is uploaded once, and all
// stages of the device read it there. The pipeline keeps track of which slots are taken.
class StageDevice {
 public:
  // window: the most images of a call of run(). Room for `slots` images.
  StageDevice(const Device& device, const Model& model, const ExecutorSettings& settings, std::size_t window,
              std::size_t slots);

  void add_stage(std::size_t stage);  // builds its kernels
  bool has_stage(std::size_t stage) const { return runners_.contains(stage); }
  bool is_warm(std::size_t stage) const { return warm_.contains(stage); }  // has run once
  const Device& device() const { return device_; }

  // Uploads images uint8 [n][C][H][W] to the slots from first_slot on.
  void upload(std::span<const std::uint8_t> images, std::size_t first_slot);
  // Runs a stage on the images that lie at `slots` [n]; earlier: see StageRunner::run(). Adds the times to counts.
  // Throws DeviceError if the device returns values that are no probabilities.
  StageRunner::Outcome run(std::size_t stage, std::span<const int> slots, std::span<const float> earlier,
                           StageCounts& counts);
  // Runs each stage once, images side by side and not.
  void warm_up();

  std::size_t peak_bytes() const;

 private:
  const Model& model_;
  ExecutorSettings settings_;
  Device device_;
  std::size_t window_, image_bytes_;
  Array<std::uint8_t> pixels_;  // [slots][C][H][W]
  std::map<std::size_t, StageRunner> runners_;
  std::set<std::size_t> warm_;
};

}  // namespace cascadecl
