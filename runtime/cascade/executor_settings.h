#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/policies/stopping_policy.h"
#include "runtime/opencl/device_info.h"
#include "runtime/ops/image_shape.h"
#include "runtime/ops/precision.h"

namespace cascadecl {

class Trace;

enum class OnDeviceFailure { stop, go_on };

struct ExecutorSettings {
  int max_batch = 128;  // images that a stage runs at once
  // When an image stops. None: the model's own decision says so, or if it has none its learned policies at 0.5. A given
  // policy decides on the model as it is, and policies that the model has run anyway; choose() gives both to match.
  std::optional<StoppingPolicy> policy = {};
  // How it answers. None: as in the model's own decision if its policy decides, else as default_combine() says.
  std::optional<Combine> combine = {};
  bool time_stages = false;  // waits for the device around each stage, so that its time is known
  KernelClass kernels = KernelClass::automatic;
  Precision precision = Precision::fp32;  // of images and activations on the device
  // A device that takes longer than that for one piece of work has failed.
  std::chrono::milliseconds device_timeout{300'000};
  // The same for work that builds kernels: making a stage ready, warming up, and a stage's first run, since many
  // drivers build only then.
  std::chrono::milliseconds first_timeout() const { return 10 * device_timeout; }
  // go_on: the stages of a device that fails move to the first one that is left, with all images that wait for them.
  OnDeviceFailure on_failure = OnDeviceFailure::stop;
  std::shared_ptr<Trace> trace = nullptr;  // records what the devices do and when; may be null
};

// The work of one stage.
struct StageCounts {
  std::int64_t entered = 0, stopped = 0;
  // Times, 0 without time_stages: of the whole stage, and within that of its policy and of finding out who goes on.
  double seconds = 0, policy_seconds = 0, deciding_seconds = 0;
  StageCounts& operator+=(const StageCounts& other);
};

// The number of images that go through a stage together, a window: several batches.
std::size_t images_per_window(const ExecutorSettings& settings, ImageShape input);

}  // namespace cascadecl
