#pragma once
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/pipeline/passage.h"
#include "runtime/opencl/device.h"
#include "runtime/opencl/time_limit.h"  // threads_left_behind()

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
    double busy_seconds = 0;  // of its uploads and stages; making ready and warming up left out
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
  // devices: one for each stage; stages that share a device share its handle. Makes all stages ready, on all devices at
  // once. A device that fails here fails as it would with images. Throws what CascadeExecutor throws.
  CascadePipeline(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings);
  ~CascadePipeline();  // drops what is inside, once the devices have ended what they are at or are late
  CascadePipeline(CascadePipeline&&) noexcept;
  CascadePipeline& operator=(CascadePipeline&&) noexcept;

  // Of each, number, label and pixels are to be set. Waits for room: back-pressure. Returns whether it had to. Throws
  // ShapeError if an image has another size than the model's, and as next() does.
  bool submit(std::vector<Passage> passages);
  // No more images come until the next submit(): late stages wait for nothing.
  void flush();
  // The next image that has left, in the order of submission: waits for it. Nothing once all are back after flush().
  // Throws DeviceError if a device failed and OnDeviceFailure does not tell to go on, or if none is left, and what a
  // policy or a lack of memory has thrown: all other devices have then stopped. DeviceHangError if it did not answer in
  // time; see threads_left_behind(). Images are not looked at any more once this has thrown.
  std::optional<Passage> next();
  // flush(), and all that is inside once the last image has left, in order. Throws as next() does. Takes no core from
  // the devices on the way.
  std::vector<Passage> drain();

  // Runs every stage once, so that the first images are not slower; before the first submit(). A device that fails here
  // fails as it would with images. Throws as next() does.
  void warm_up();
  // For one who has met the failure of a device elsewhere, while no image is inside and nothing warms up: the device
  // fails here too, and DeviceFailure::reason says `where` it did. Throws the error if its stages do not go on on
  // another. Nothing if it has failed already.
  void give_up(const Device& device, const std::exception_ptr& error, const std::string& where);
  std::exception_ptr failure_of(const Device& device) const;  // null while it works
  const ExecutorSettings& settings() const;                   // as given, with the policy and combination that hold
  Device device(std::size_t stage) const;                     // that runs the stage now
  std::vector<StageCounts> take_counts();                     // [stages] since the last call
  PipelineStatistics statistics() const;                      // since the pipeline was made
  void restart_statistics();                                  // from now on; failures stay
  std::size_t peak_bytes() const;                             // device memory of all stages' plans

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cascadecl
