#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cascade/executor.h"

namespace cascadecl {

// A stage alone beside a cascade, as a control. It runs on the device that runs the stage in the cascade. A device that
// fails in the control also fails for the cascade, and where the cascade moves a stage to another device the control
// follows.
class StageControl {
 public:
  // The cascade outlives this. Throws what stage_alone() throws, unless the cascade goes on on another device.
  StageControl(const Model& model, std::size_t stage, const ExecutorSettings& settings, CascadeExecutor& cascade);

  CascadeResult classify(std::span<const std::uint8_t> images);
  const Device& device() const { return *device_; }

 private:
  template <class Work>
  auto on_a_device_that_works(const Work& work);
  void follow_cascade();

  const Model& model_;
  std::size_t stage_;
  ExecutorSettings settings_;
  CascadeExecutor& cascade_;
  std::optional<Device> device_;
  std::optional<CascadeExecutor> executor_;
};

// Has `to` give up what has failed in `from`, of these devices; `where` that was. Throws the failure if `to` does not
// go on without.
void share_failures(const CascadeExecutor& from, CascadeExecutor& to, const std::vector<Device>& devices,
                    const std::string& where);

}  // namespace cascadecl
