#include "runtime/cascade/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

#include "data/files/error.h"
#include "runtime/opencl/memory_fit.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::size_t images_per_window(const ExecutorSettings& settings, ImageShape input) {
  constexpr std::size_t kBatches = 16, kBytes = std::size_t{32} << 20;  // of memory for them
  const std::size_t batch = to_size(settings.max_batch);
  return std::clamp(kBytes / std::max<std::size_t>(input.values(), 1), batch, kBatches * batch);
}

struct CascadeExecutor::State {
  State(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings)
      : pipeline(model, devices, {.executor = settings}),
        combine(pipeline.settings().combine.value(), model.stages.size(), model.combination),
        stages(model.stages.size()),
        classes(model.classes),
        image_bytes(model.input.values()) {}

  CascadeResult empty_result(std::size_t images) const;
  void add(const Passage& passage, std::size_t image, CascadeResult& result) const;

  CascadePipeline pipeline;
  Combiner combine;
  std::size_t stages;
  int classes;
  std::size_t image_bytes;
};

CascadeResult CascadeExecutor::State::empty_result(std::size_t images) const {
  const std::size_t c = to_size(classes);
  constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
  CascadeResult result{.images = static_cast<std::int64_t>(images), .classes = classes};
  result.exit_stage.assign(images, 0);
  result.answer.assign(images * c, 0.0F);
  result.stop_probability.assign(stages * images, unknown);
  result.probabilities.assign(stages * images * c, unknown);
  return result;
}

void CascadeExecutor::State::add(const Passage& passage, std::size_t image, CascadeResult& result) const {
  const std::size_t n = result.exit_stage.size(), c = to_size(classes);
  const std::vector<std::span<const float>> rows = passage.rows(passage.stage + 1, c);
  for (std::size_t stage = 0; stage <= passage.stage; ++stage) {
    std::ranges::copy(rows[stage], result.probabilities.begin() + static_cast<std::ptrdiff_t>((stage * n + image) * c));
    result.stop_probability[stage * n + image] = passage.stop_probability[stage];
  }
  result.exit_stage[image] = static_cast<int>(passage.stage);
  combine(rows, passage.stop_probability, std::span(result.answer).subspan(image * c, c));
}

CascadeExecutor::CascadeExecutor(const Model& model, const std::vector<Device>& devices,
                                 const ExecutorSettings& settings)
    : state_(std::make_unique<State>(model, devices, settings)) {}

CascadeExecutor::CascadeExecutor(CascadeExecutor&&) noexcept = default;
CascadeExecutor& CascadeExecutor::operator=(CascadeExecutor&&) noexcept = default;
CascadeExecutor::~CascadeExecutor() = default;

CascadeResult CascadeExecutor::classify(std::span<const std::uint8_t> images, std::uint64_t first_image,
                                        std::span<const std::int32_t> labels) {
  const auto start = Clock::now();
  const std::size_t bytes = state_->image_bytes, n = images.size() / bytes;
  if (images.size() % bytes != 0) {
    throw ShapeError(fmt::format("classify: {} bytes are no whole number of images of {} bytes", images.size(), bytes));
  }
  if (!labels.empty() && labels.size() != n)
    throw ShapeError(fmt::format("classify: {} labels for {} images", labels.size(), n));
  std::vector<Passage> passages(n);
  for (std::size_t i = 0; i < n; ++i) {
    passages[i].number = first_image + i;
    if (!labels.empty()) passages[i].label = labels[i];
    passages[i].pixels = images.subspan(i * bytes, bytes);
  }
  CascadeResult result = state_->empty_result(n);
  if (n > 0) state_->pipeline.submit(std::move(passages));
  for (std::size_t i = 0; const Passage& passage : state_->pipeline.drain()) state_->add(passage, i++, result);
  result.stages = state_->pipeline.take_counts();
  result.seconds = seconds_since(start);
  return result;
}

void CascadeExecutor::warm_up() { state_->pipeline.warm_up(); }
std::size_t CascadeExecutor::stage_count() const { return state_->stages; }
std::size_t CascadeExecutor::peak_bytes() const { return state_->pipeline.peak_bytes(); }
void CascadeExecutor::give_up(const Device& device, const std::exception_ptr& error, const std::string& where) {
  state_->pipeline.give_up(device, error, where);
}
std::exception_ptr CascadeExecutor::failure_of(const Device& device) const {
  return state_->pipeline.failure_of(device);
}
Device CascadeExecutor::device(std::size_t stage) const { return state_->pipeline.device(stage); }
PipelineStatistics CascadeExecutor::statistics() const { return state_->pipeline.statistics(); }
void CascadeExecutor::restart_statistics() { state_->pipeline.restart_statistics(); }

CascadeExecutor stage_alone(const Model& model, std::size_t stage, const Device& device, ExecutorSettings settings) {
  settings.policy.reset();
  settings.combine = Combine::last;
  settings.trace = nullptr;
  CascadeExecutor executor(single_stage(model, stage), {device}, settings);
  executor.warm_up();
  return executor;
}

int fitting_batch(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                  bool stages_alone, bool beside_fp32) {
  const Rehearsal rehearse = [&](const std::vector<Device>& handles, int batch) {
    ExecutorSettings smaller = settings;
    smaller.max_batch = batch;
    smaller.trace = nullptr;
    smaller.on_failure = OnDeviceFailure::stop;
    smaller.device_timeout = std::chrono::hours(1);  // no device is asked anything
    CascadeExecutor(model, handles, smaller).warm_up();
    if (beside_fp32) {
      ExecutorSettings plain = smaller;
      plain.precision = Precision::fp32;
      CascadeExecutor(model, handles, plain).warm_up();
    }
    for (std::size_t k = 0; stages_alone && k < handles.size(); ++k) stage_alone(model, k, handles[k], smaller);
  };
  return fitting_batch(settings.max_batch, devices, {rehearse});
}

StageCounts& StageCounts::operator+=(const StageCounts& other) {
  entered += other.entered;
  stopped += other.stopped;
  seconds += other.seconds;
  policy_seconds += other.policy_seconds;
  deciding_seconds += other.deciding_seconds;
  return *this;
}

int CascadeResult::label(std::int64_t image) const {
  const auto begin = answer.begin() + image * classes;
  return static_cast<int>(std::max_element(begin, begin + classes) - begin);
}

std::vector<Device> open_stage_devices(const std::vector<DeviceInfo>& devices, const DeviceSettings& settings) {
  std::vector<Device> opened;
  for (const DeviceInfo& info : devices) {
    const auto same = std::find_if(opened.begin(), opened.end(),
                                   [&](const Device& device) { return device.info().index == info.index; });
    const Device device = same == opened.end() ? Device(info, settings) : *same;
    opened.push_back(device);
  }
  return opened;
}

}  // namespace cascadecl
