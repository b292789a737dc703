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
  // submit() waits as long as this many images inside have not left their last stage.
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
    double busy_seconds = 0;  // of its uploads and stages, without making ready and warming up
  };
  std::vector<OfDevice> devices;           // each once
  std::vector<std::size_t> longest_queue;  // [stages], most images that waited for one
  std::vector<DeviceFailure> failures;
};

// A cascade on its devices. Each device has a thread that runs its stages on the images that wait for them. So stages
// on different devices overlap, and late stages run on the survivors of several batches. Images come back in the order
// in which they came. Where an image leaves does not depend on devices, batches or time. Used by one thread, or by one
// that submits and one that takes.
class CascadePipeline {
 public:
  // Makes all stages ready, on all devices at once. devices: one for each stage; stages that share a device share its
  // handle. A device that fails here fails as it would with images. Throws what CascadeExecutor throws.
  CascadePipeline(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings);
  ~CascadePipeline();  // drops the images inside, once each device has ended its work or is late
  CascadePipeline(CascadePipeline&&) noexcept;
  CascadePipeline& operator=(CascadePipeline&&) noexcept;

  // Set number, label and pixels of each passage. Waits for room (back-pressure) and returns whether it had to. Throws
  // ShapeError if an image has another size than the model's, and as next() does.
  bool submit(std::vector<Passage> passages);
  // No more images come until the next submit(): late stages wait for nothing.
  void flush();
  // Waits for the next image that has left, in the order of submission. Nothing once all are back after flush(). Throws
  // DeviceError if a device failed and OnDeviceFailure does not say to go on, or if no device is left; DeviceHangError
  // if the device did not answer in time, see threads_left_behind(); and what a policy or a lack of memory has thrown.
  // All other devices have then stopped, and images are not looked at any more.
  std::optional<Passage> next();
  // flush(), then all images inside, in order, once the last one has left. Throws as next() does. Takes no core from
  // the devices meanwhile.
  std::vector<Passage> drain();

  // Runs every stage once, so that the first images are not slower. Call it before the first submit(). A device that
  // fails here fails as it would with images. Throws as next() does.
  void warm_up();
  // For a caller that met the failure of a device elsewhere, while no image is inside and nothing warms up. The device
  // fails here too, and DeviceFailure::reason says `where` it did. Throws the error unless the device's stages go on on
  // another. Does nothing if the device has failed already.
  void give_up(const Device& device, const std::exception_ptr& error, const std::string& where);
  std::exception_ptr failure_of(const Device& device) const;  // null while it works
  const ExecutorSettings& settings() const;                   // as given, with the policy and combination that hold
  Device device(std::size_t stage) const;                     // the one that runs the stage now
  std::vector<StageCounts> take_counts();                     // [stages] since the last call
  PipelineStatistics statistics() const;                      // since the pipeline was made
  void restart_statistics();                                  // from now on; failures stay
  std::size_t peak_bytes() const;                             // device memory of all stages' plans

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cascadecl
