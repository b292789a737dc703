#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/pipeline/passage.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

struct PipelineSettings {
  ExecutorSettings executor;
  // submit() waits rather than have more images inside that have not left their last stage.
  std::size_t capacity = static_cast<std::size_t>(-1);
  // How long an image may wait for others to fill a late stage's batch. None: until flush() says that no more come.
  std::optional<std::chrono::microseconds> max_delay = {};
};

struct DeviceFailure {
  std::string device, reason;
  std::vector<std::size_t> stages;  // that it ran
  std::string moved_to;             // the device that runs them now; empty if none is left
};

// "device A failed, its stages went on on B: reason".
std::string to_string(const DeviceFailure& failure);

struct PipelineStatistics {
  struct OfDevice {
    std::string device;
    double busy_seconds = 0;
  };
  std::vector<OfDevice> devices;           // each once
  std::vector<std::size_t> longest_queue;  // [stages], most images that waited for one
  std::vector<DeviceFailure> failures;
};

// A cascade on its devices: a thread each, which runs the stages of that device on images that wait for them, so that
// stages on different devices overlap and late stages run on the survivors of several batches. Images come back in the
// order in which they came; where an image leaves does not depend on devices, batches or time. Used by one thread, or
// by one that submits and one that takes.
class CascadePipeline {
 public:
  // devices: one for each stage; stages that share a device share its handle. Compiles all kernels. Throws what
  // CascadeExecutor throws.
  CascadePipeline(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings);
  ~CascadePipeline();  // drops what is inside
  CascadePipeline(CascadePipeline&&) noexcept;
  CascadePipeline& operator=(CascadePipeline&&) noexcept;

  // Of each, number, label and pixels are to be set. Waits for room: back-pressure. Throws as next() does.
  void submit(std::vector<Passage> passages);
  // No more images come until the next submit(): late stages wait for nothing.
  void flush();
  // The next image that has left, in the order of submission: waits for it. Nothing once all are back after flush().
  // Throws DeviceError if a device failed and OnDeviceFailure does not tell to go on, or if none is left: all other
  // devices have then stopped. DeviceHangError if it did not answer in time; its thread is left to itself.
  std::optional<Passage> next();
  // flush(), and all that is inside once the last image has left, in order. Throws as next() does. Takes no core from
  // the devices on the way.
  std::vector<Passage> drain();

  void warm_up();  // runs every stage once, so that the first images are not slower; before the first submit()
  std::vector<StageCounts> take_counts();  // [stages] since the last call
  PipelineStatistics statistics() const;   // since the pipeline was made
  std::size_t peak_bytes() const;          // device memory of all stages' plans

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cascadecl
