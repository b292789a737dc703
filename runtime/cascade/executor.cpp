#include "runtime/cascade/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <numeric>

#include "data/error.h"
#include "runtime/cascade/image_pool.h"
#include "runtime/cascade/label_probabilities.h"
#include "runtime/cascade/stage_runner.h"
#include "runtime/cascade/stage_timer.h"
#include "runtime/opencl/memory_fit.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::size_t bytes_of(ImageShape shape) {
  return to_size(shape.channels) * to_size(shape.height) * to_size(shape.width);
}

}  // namespace

std::size_t window_images(const ExecutorSettings& settings, ImageShape input) {
  constexpr std::size_t kBatches = 16, kBytes = std::size_t{32} << 20;  // of memory for them
  const std::size_t batch = to_size(settings.max_batch);
  return std::clamp(kBytes / std::max<std::size_t>(bytes_of(input), 1), batch, kBatches * batch);
}

struct CascadeExecutor::State {
  State(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& chosen)
      : settings(chosen),
        combine(settings.combine, model.stages.size(), model.combination),
        classes(model.classes),
        image_bytes(bytes_of(model.input)),
        window(window_images(settings, model.input)) {
    runners.reserve(model.stages.size());
    for (std::size_t i = 0; i < model.stages.size(); ++i) {
      runners.emplace_back(devices[i], model, i, settings, window);
      pools.push_back(enters_device(i) ? std::make_shared<ImagePool>(devices[i], image_bytes, window) : pools.back());
    }
  }

  // Whether a stage's images come from the host: at the first one, and after a change of device.
  bool enters_device(std::size_t stage) const { return stage == 0 || !runners[stage].same_device(runners[stage - 1]); }

  void begin(std::span<const std::uint8_t> pixels, std::uint64_t first_image);
  void run_window();
  std::vector<int> run_stage(std::size_t stage, const std::vector<int>& places);
  StageRunner::Outcome ask(std::size_t stage, const std::vector<int>& places);
  std::vector<int> decide(std::size_t stage, const std::vector<int>& places, const StageRunner::Outcome& outcome);
  bool stops(std::size_t stage, std::size_t image, float stop_probability) const;
  void combine_answers();
  std::span<const float> row(std::size_t stage, std::size_t image) const {
    const std::size_t c = to_size(classes);
    return std::span(result.probabilities).subspan((stage * result.exit_stage.size() + image) * c, c);
  }

  ExecutorSettings settings;
  Combiner combine;
  int classes;
  std::size_t image_bytes, window;
  std::vector<StageRunner> runners;
  std::vector<std::shared_ptr<ImagePool>> pools;  // by stage; stages in a row on one device share one

  // Of the current call. Places count from the window's first image.
  std::span<const std::uint8_t> images;
  std::span<const std::int32_t> labels;
  std::uint64_t first = 0;
  std::size_t begin_of_window = 0, end_of_window = 0;
  CascadeResult result;
};

void CascadeExecutor::State::begin(std::span<const std::uint8_t> pixels, std::uint64_t first_image) {
  if (pixels.size() % image_bytes != 0) {
    throw ShapeError(
        fmt::format("classify: {} bytes are no whole number of images of {} bytes", pixels.size(), image_bytes));
  }
  images = pixels;
  first = first_image;
  const std::size_t n = pixels.size() / image_bytes, k = runners.size(), c = to_size(classes);
  constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
  result = {.images = static_cast<std::int64_t>(n), .classes = classes};
  result.exit_stage.assign(n, static_cast<int>(k) - 1);
  result.answer.assign(n * c, 0.0F);
  result.stop_probability.assign(k * n, unknown);
  result.probabilities.assign(k * n * c, unknown);
  result.stages.assign(k, {});
}

// Stage by stage: all images of the window that are left go through a stage before the next one begins.
void CascadeExecutor::State::run_window() {
  for (const auto& pool : pools) pool->clear();
  std::vector<int> places(end_of_window - begin_of_window);
  std::iota(places.begin(), places.end(), 0);
  for (std::size_t stage = 0; stage < runners.size() && !places.empty(); ++stage) places = run_stage(stage, places);
}

// Returns the survivors.
std::vector<int> CascadeExecutor::State::run_stage(std::size_t stage, const std::vector<int>& places) {
  StageCounts& counts = result.stages[stage];
  StageTimer timer(settings.time_stages, runners[stage].device(), counts.seconds);
  const StageRunner::Outcome outcome = ask(stage, places);
  StageTimer deciding(settings.time_stages, runners[stage].device(), counts.compaction_seconds);
  std::vector<int> survivors = decide(stage, places, outcome);
  deciding.stop();
  timer.stop();
  counts.entered += static_cast<std::int64_t>(places.size());
  counts.stopped += static_cast<std::int64_t>(places.size() - survivors.size());
  return survivors;
}

StageRunner::Outcome CascadeExecutor::State::ask(std::size_t stage, const std::vector<int>& places) {
  ImagePool& pool = *pools[stage];
  if (enters_device(stage)) {
    pool.add(images.subspan(begin_of_window * image_bytes, (end_of_window - begin_of_window) * image_bytes), places);
  }
  std::vector<int> slots;
  slots.reserve(places.size());
  for (const int place : places) slots.push_back(pool.slot(place));
  return runners[stage].run(pool.pixels(), slots, result.stages[stage].policy_seconds);
}

std::vector<int> CascadeExecutor::State::decide(std::size_t stage, const std::vector<int>& places,
                                                const StageRunner::Outcome& outcome) {
  const std::size_t n = result.exit_stage.size(), c = to_size(classes);
  const bool last = stage + 1 == runners.size();
  std::vector<int> survivors;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t image = begin_of_window + to_size(places[i]);
    result.exit_stage[image] = static_cast<int>(stage);  // the last stage visited stands
    std::copy_n(outcome.probabilities.begin() + static_cast<std::ptrdiff_t>(i * c), c,
                result.probabilities.begin() + static_cast<std::ptrdiff_t>((stage * n + image) * c));
    const float pi = outcome.stop_probability[i];
    const bool stop = last || stops(stage, image, pi);
    result.stop_probability[stage * n + image] = !settings.policy ? pi : stop ? 1.0F : 0.0F;
    if (!stop) survivors.push_back(places[i]);
  }
  return survivors;
}

bool CascadeExecutor::State::stops(std::size_t stage, std::size_t image, float stop_probability) const {
  const std::uint64_t number = first + image;
  if (!settings.policy) return !(stop_probability < settings.stop.limit(number, stage));
  Visit visit{.stage = stage, .image = number, .stop_probability = stop_probability};
  for (std::size_t t = 0; t <= stage; ++t) visit.probabilities.push_back(row(t, image));
  if (!labels.empty()) visit.label = labels[image];
  return settings.policy->score(visit) >= settings.limit;
}

void CascadeExecutor::State::combine_answers() {
  const std::size_t n = result.exit_stage.size(), c = to_size(classes);
  std::vector<std::span<const float>> rows;
  std::vector<float> stop;
  for (std::size_t i = 0; i < n; ++i) {
    rows.clear();
    stop.clear();
    for (std::size_t stage = 0; stage <= to_size(result.exit_stage[i]); ++stage) {
      rows.push_back(row(stage, i));
      stop.push_back(result.stop_probability[stage * n + i]);
    }
    combine(rows, stop, std::span(result.answer).subspan(i * c, c));
  }
}

CascadeExecutor::CascadeExecutor(const Model& model, const std::vector<Device>& devices,
                                 const ExecutorSettings& settings) {
  check_model(model);
  if (devices.size() != model.stages.size()) {
    throw UsageError(fmt::format("cascade: {} devices for {} stages", devices.size(), model.stages.size()));
  }
  if (model.policies.empty() && model.stages.size() > 1 && !settings.policy)
    throw UsageError("cascade: the model has no policies, and no other policy decides");
  if (settings.max_batch < 1) throw UsageError(fmt::format("cascade: batch size {} is below 1", settings.max_batch));
  state_ = std::make_unique<State>(model, devices, settings);
}

CascadeExecutor::CascadeExecutor(CascadeExecutor&&) noexcept = default;
CascadeExecutor& CascadeExecutor::operator=(CascadeExecutor&&) noexcept = default;
CascadeExecutor::~CascadeExecutor() = default;

CascadeResult CascadeExecutor::classify(std::span<const std::uint8_t> images, std::uint64_t first_image,
                                        std::span<const std::int32_t> labels) {
  const auto start = Clock::now();
  state_->begin(images, first_image);
  const std::size_t n = state_->result.exit_stage.size();
  if (!labels.empty() && labels.size() != n)
    throw ShapeError(fmt::format("classify: {} labels for {} images", labels.size(), n));
  state_->labels = labels;
  for (std::size_t at = 0; at < n; at += state_->window) {
    state_->begin_of_window = at;
    state_->end_of_window = std::min(n, at + state_->window);
    state_->run_window();
  }
  state_->combine_answers();
  state_->result.seconds = seconds_since(start);
  return std::move(state_->result);
}

void CascadeExecutor::warm_up() {
  State& state = *state_;
  const std::size_t n = to_size(state.settings.max_batch);
  const std::vector<std::uint8_t> black(n * state.image_bytes);
  std::vector<int> slots(n);
  std::iota(slots.begin(), slots.end(), 0);
  for (std::size_t stage = 0; stage < state.runners.size(); ++stage) {
    ImagePool& pool = *state.pools[stage];
    if (state.enters_device(stage)) {
      std::sort(slots.begin(), slots.end());
      pool.clear();
      pool.add(black, slots);
    } else {
      std::sort(slots.rbegin(), slots.rend());  // as survivors lie: not side by side
    }
    double unused = 0;
    state.runners[stage].run(pool.pixels(), slots, unused);
  }
}

std::size_t CascadeExecutor::stage_count() const { return state_->runners.size(); }

std::size_t CascadeExecutor::peak_bytes() const {
  std::size_t total = 0;
  for (const StageRunner& runner : state_->runners) total += runner.peak_bytes();
  return total;
}

int fitting_batch(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                  bool stages_alone, bool beside_fp32) {
  const Rehearsal rehearse = [&](const std::vector<Device>& handles, int batch) {
    ExecutorSettings smaller = settings;
    smaller.max_batch = batch;
    CascadeExecutor(model, handles, smaller).warm_up();
    if (beside_fp32) {
      ExecutorSettings plain = smaller;
      plain.precision = Precision::fp32;
      CascadeExecutor(model, handles, plain).warm_up();
    }
    for (std::size_t k = 0; stages_alone && k < handles.size(); ++k)
      CascadeExecutor(single_stage(model, k), {handles[k]}, smaller).warm_up();
  };
  return fitting_batch(settings.max_batch, devices, {rehearse});
}

StageCounts& StageCounts::operator+=(const StageCounts& other) {
  entered += other.entered;
  stopped += other.stopped;
  seconds += other.seconds;
  policy_seconds += other.policy_seconds;
  compaction_seconds += other.compaction_seconds;
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
