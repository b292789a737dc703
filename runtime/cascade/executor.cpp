#include "runtime/cascade/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include "data/error.h"
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

struct CascadeExecutor::State {
  State(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& chosen)
      : settings(chosen), classes(model.classes), image_bytes(bytes_of(model.input)), waiting(model.stages.size()) {
    runners.reserve(model.stages.size());
    for (std::size_t i = 0; i < model.stages.size(); ++i) runners.emplace_back(devices[i], model, i, settings);
  }

  void begin(std::span<const std::uint8_t> pixels, std::uint64_t first_image);
  void enter(std::size_t stage, std::span<const std::int64_t> places);
  void load_waiting(std::size_t stage);
  void run_waiting(std::size_t stage);
  void record(std::size_t stage, const StageRunner::Outcome& outcome, const std::vector<std::int64_t>& places);
  void hand_on(std::size_t stage, std::span<const std::int64_t> places, double& seconds);
  void combine_answers();

  ExecutorSettings settings;
  int classes;
  std::size_t image_bytes;
  std::vector<StageRunner> runners;

  // Of the current call.
  std::vector<std::vector<std::int64_t>> waiting;  // places in the call's list of images, by stage
  std::span<const std::uint8_t> images;
  std::uint64_t first = 0;
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
  for (auto& list : waiting) list.clear();  // left there if a call before failed
}

// The images at `places` come from the host: they wait, and the stage runs whenever its batch is full.
void CascadeExecutor::State::enter(std::size_t stage, std::span<const std::int64_t> places) {
  std::vector<std::int64_t>& list = waiting[stage];
  for (const std::int64_t place : places) {
    list.push_back(place);
    if (list.size() == to_size(settings.max_batch)) run_waiting(stage);
  }
}

// Whether a stage's images come from the host: at the first one, and after a change of device.
bool from_host(const std::vector<StageRunner>& runners, std::size_t stage) {
  return stage == 0 || !runners[stage].same_device(runners[stage - 1]);
}

void CascadeExecutor::State::load_waiting(std::size_t stage) {
  const std::vector<std::int64_t>& places = waiting[stage];
  const auto image = [&](std::int64_t place) { return images.subspan(static_cast<std::size_t>(place) * image_bytes); };
  const auto n = static_cast<int>(places.size());
  if (places.back() - places.front() + 1 == n && std::is_sorted(places.begin(), places.end())) {
    return runners[stage].load(n, image(places.front()).first(places.size() * image_bytes));
  }
  std::vector<std::uint8_t> pixels(places.size() * image_bytes);
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::copy_n(image(places[i]).begin(), image_bytes, pixels.begin() + static_cast<std::ptrdiff_t>(i * image_bytes));
  }
  runners[stage].load(n, pixels);
}

// Runs a stage on all that wait for it, at most a batch, and hands the survivors to the next one.
void CascadeExecutor::State::run_waiting(std::size_t stage) {
  StageCounts& counts = result.stages[stage];
  StageTimer timer(settings.time_stages, runners[stage].device(), counts.seconds);
  if (from_host(runners, stage)) load_waiting(stage);
  const std::vector<std::int64_t> places = std::move(waiting[stage]);
  waiting[stage].clear();
  std::vector<std::uint64_t> numbers;
  for (const std::int64_t place : places) numbers.push_back(first + static_cast<std::uint64_t>(place));
  const StageRunner::Outcome outcome =
      runners[stage].run(static_cast<int>(places.size()), numbers, counts.policy_seconds);
  timer.stop();

  record(stage, outcome, places);
  counts.entered += static_cast<std::int64_t>(places.size());
  counts.stopped += static_cast<std::int64_t>(places.size() - outcome.survivors.size());
  std::vector<std::int64_t> survivors;
  for (const int survivor : outcome.survivors) survivors.push_back(places[to_size(survivor)]);
  double handing_on = 0;  // without the stages that it makes run
  if (!survivors.empty()) hand_on(stage, survivors, handing_on);
  result.stages[stage].compaction_seconds += handing_on;
  result.stages[stage].seconds += handing_on;
}

void CascadeExecutor::State::record(std::size_t stage, const StageRunner::Outcome& outcome,
                                    const std::vector<std::int64_t>& places) {
  const std::size_t n = result.exit_stage.size(), c = to_size(classes);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto place = static_cast<std::size_t>(places[i]);
    result.exit_stage[place] = static_cast<int>(stage);  // the last stage visited stands
    result.stop_probability[stage * n + place] = outcome.stop_probability[i];
    std::copy_n(outcome.probabilities.begin() + static_cast<std::ptrdiff_t>(i * c), c,
                result.probabilities.begin() + static_cast<std::ptrdiff_t>((stage * n + place) * c));
  }
}

// The survivors of the run just done join those that wait for the next stage. It runs when its batch is full; what does
// not fit into that batch begins the next.
void CascadeExecutor::State::hand_on(std::size_t stage, std::span<const std::int64_t> places, double& seconds) {
  const std::size_t next = stage + 1;
  if (from_host(runners, next)) return enter(next, places);
  std::vector<std::int64_t>& list = waiting[next];
  const std::size_t before = list.size();
  const std::size_t room = to_size(settings.max_batch) - before;
  const std::size_t now = std::min(room, places.size());

  StageTimer timer(settings.time_stages, runners[stage].device(), seconds);
  runners[stage].hand_on(runners[next], static_cast<int>(places.size()), static_cast<int>(before));
  if (before > 0) runners[next].admit(static_cast<int>(now), 0, static_cast<int>(before));
  timer.stop();
  list.insert(list.end(), places.begin(), places.begin() + static_cast<std::ptrdiff_t>(now));
  if (list.size() == to_size(settings.max_batch)) run_waiting(next);

  const std::span<const std::int64_t> rest = places.subspan(now);
  if (rest.empty()) return;
  StageTimer rest_timer(settings.time_stages, runners[stage].device(), seconds);
  runners[next].admit(static_cast<int>(rest.size()), static_cast<int>(now), 0);
  rest_timer.stop();
  waiting[next].assign(rest.begin(), rest.end());
}

void CascadeExecutor::State::combine_answers() {
  const std::size_t n = result.exit_stage.size(), c = to_size(classes);
  std::vector<double> sum(c);
  for (std::size_t i = 0; i < n; ++i) {
    const auto exit = static_cast<std::size_t>(result.exit_stage[i]);
    const auto row = [&](std::size_t stage) { return &result.probabilities[(stage * n + i) * c]; };
    double weights = 0;
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::size_t stage = settings.combine == Combine::last ? exit : 0; stage <= exit; ++stage) {
      const double weight = settings.combine == Combine::last ? 1.0 : result.stop_probability[stage * n + i];
      weights += weight;
      for (std::size_t j = 0; j < c; ++j) sum[j] += weight * row(stage)[j];
    }
    for (std::size_t j = 0; j < c; ++j) {
      result.answer[i * c + j] = weights > 0 ? static_cast<float>(sum[j] / weights) : row(exit)[j];
    }
  }
}

CascadeExecutor::CascadeExecutor(const Model& model, const std::vector<Device>& devices,
                                 const ExecutorSettings& settings) {
  check_model(model);
  if (devices.size() != model.stages.size()) {
    throw UsageError(fmt::format("cascade: {} devices for {} stages", devices.size(), model.stages.size()));
  }
  if (settings.max_batch < 1) throw UsageError(fmt::format("cascade: batch size {} is below 1", settings.max_batch));
  state_ = std::make_unique<State>(model, devices, settings);
}

CascadeExecutor::CascadeExecutor(CascadeExecutor&&) noexcept = default;
CascadeExecutor& CascadeExecutor::operator=(CascadeExecutor&&) noexcept = default;
CascadeExecutor::~CascadeExecutor() = default;

CascadeResult CascadeExecutor::classify(std::span<const std::uint8_t> images, std::uint64_t first_image) {
  const auto start = Clock::now();
  state_->begin(images, first_image);
  std::vector<std::int64_t> all(state_->result.exit_stage.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  state_->enter(0, all);
  for (std::size_t stage = 0; stage < state_->runners.size(); ++stage) {
    if (!state_->waiting[stage].empty()) state_->run_waiting(stage);
  }
  state_->combine_answers();
  state_->result.seconds = seconds_since(start);
  return std::move(state_->result);
}

void CascadeExecutor::warm_up() {
  std::vector<StageRunner>& runners = state_->runners;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    StageRunner* next = i + 1 < runners.size() && runners[i].same_device(runners[i + 1]) ? &runners[i + 1] : nullptr;
    runners[i].warm_up(state_->settings.max_batch, state_->image_bytes, next);
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
