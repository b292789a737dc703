#pragma once
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/pipeline/pipeline.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// The answers to N images, in the order of the images. K stages.
struct CascadeResult {
  std::int64_t images = 0;
  int classes = 0;
  std::vector<int> exit_stage;          // [N], 0..K-1
  std::vector<float> answer;            // [N][classes], sums to 1; see Combine
  std::vector<float> stop_probability;  // [K][N], NaN where the stage was not visited; 1 at the last stage; under a
                                        // policy that does not ask the model 1 where it stops, else 0
  std::vector<float> probabilities;     // [K][N][classes], NaN where the stage was not visited
  std::vector<StageCounts> stages;      // [K]
  double seconds = 0;                   // of the whole call, upload and read-back included

  // The class of an image: the largest of its answer, the first one of equals.
  int label(std::int64_t image) const;
};

// Runs a cascade on all images of a call, see CascadePipeline. The model's own decision says when images stop and how
// they answer, unless the settings do. For one thread.
class CascadeExecutor {
 public:
  // Builds all kernels and uploads the weights, on all devices at once. devices: one for each stage; stages that share
  // a device share its handle (open_stage_devices). Throws ShapeError if the model's parts do not fit each other,
  // UsageError if the number of devices or max_batch is wrong, DeviceNotFoundError if a device cannot do the precision.
  // If a device fails (as by a lack of memory) it throws DeviceError, or DeviceHangError if the device is not ready in
  // time, unless OnDeviceFailure says to go on and a device is left.
  CascadeExecutor(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings);
  CascadeExecutor(CascadeExecutor&&) noexcept;
  CascadeExecutor& operator=(CascadeExecutor&&) noexcept;
  ~CascadeExecutor();

  // Classifies images uint8 [N][C][H][W], any N (0 gives an empty result). first_image is the number of the first one
  // in its dataset, which PolicyKind::sample draws from. labels: one for each image, for policies that read them, or
  // none. The result does not depend on how a dataset is cut into calls. Throws ShapeError if the size is no whole
  // number of images or there is another number of labels, and what CascadePipeline::next() throws. The images may be
  // freed at once after that, also if a device hangs.
  CascadeResult classify(std::span<const std::uint8_t> images, std::uint64_t first_image = 0,
                         std::span<const std::int32_t> labels = {});

  // Runs every stage once on black images, so that the first call is not slower than the others. Throws as classify()
  // does.
  void warm_up();

  std::size_t stage_count() const;
  std::size_t peak_bytes() const;  // device memory of all stages' plans
  // See CascadePipeline.
  void give_up(const Device& device, const std::exception_ptr& error, const std::string& where);
  std::exception_ptr failure_of(const Device& device) const;
  Device device(std::size_t stage) const;
  PipelineStatistics statistics() const;
  void restart_statistics();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One stage alone on all images, as a control: no policy decides, nothing is traced, and it is warm.
CascadeExecutor stage_alone(const Model& model, std::size_t stage, const Device& device, ExecutorSettings settings);

// The batch size that fits a cascade into the memory of its devices: settings.max_batch, or the largest below it, with
// a warning. Throws DeviceError if not even single images fit.
//   stages_alone  beside an executor for each stage alone, as evaluate() has with static_control
//   beside_fp32   and beside one of fp32, as with compare_precision
int fitting_batch(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                  bool stages_alone = false, bool beside_fp32 = false);

// Opens each device once: equal entries share a handle. Throws as Device does.
std::vector<Device> open_stage_devices(const std::vector<DeviceInfo>& devices, const DeviceSettings& settings = {});

}  // namespace cascadecl
