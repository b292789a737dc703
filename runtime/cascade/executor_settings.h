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
  // When an image stops. None: as the model's own decision has it, or without one as its learned policies do at 0.5. A
  // policy that is given decides on the model as it is, whose policies run if it has any; choose() gives both.
  std::optional<StoppingPolicy> policy = {};
  // How it answers. None: as the model's own decision has it if that one's policy decides too, else reweight.
  std::optional<Combine> combine = {};
  bool time_stages = false;  // waits for the device around each stage, so that its time is known
  KernelClass kernels = KernelClass::automatic;
  Precision precision = Precision::fp32;  // of images and activations on the device
  // A device that takes longer than that for one piece of work has failed.
  std::chrono::milliseconds device_timeout{300'000};
  // The same for what builds kernels: making a stage ready, warming up, and a stage's first run, as many drivers build
  // only then.
  std::chrono::milliseconds first_timeout() const { return 10 * device_timeout; }
  // go_on: the stages of a device that fails move to the first one that is left, with all images that wait for them.
  OnDeviceFailure on_failure = OnDeviceFailure::stop;
  std::shared_ptr<Trace> trace = nullptr;  // what the devices do and when, if anybody wants to know
};

// What one stage did.
struct StageCounts {
  std::int64_t entered = 0, stopped = 0;
  // With time_stages, else 0: all that the stage took; of that its policy, and finding out who goes on.
  double seconds = 0, policy_seconds = 0, compaction_seconds = 0;
  StageCounts& operator+=(const StageCounts& other);
};

// Images of a window: those that go through a stage together, several batches.
std::size_t window_images(const ExecutorSettings& settings, ImageShape input);

}  // namespace cascadecl
