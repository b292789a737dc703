#include "runtime/cascade/pipeline/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

struct CascadeStream::State {
  State(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings)
      : pipeline(model, devices, settings),
        combine(pipeline.settings().combine.value(), model.stages.size(), model.combination),
        classes(to_size(model.classes)),
        image_bytes(model.input.values()) {}

  CascadePipeline pipeline;
  Combiner combine;
  std::size_t classes, image_bytes;
  std::uint64_t pushed = 0;
  std::mutex mutex;
  std::deque<std::vector<std::uint8_t>> images;  // of those that are not back, in their order
};

CascadeStream::CascadeStream(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings)
    : state_(std::make_unique<State>(model, devices, settings)) {}
CascadeStream::~CascadeStream() = default;
CascadeStream::CascadeStream(CascadeStream&&) noexcept = default;
CascadeStream& CascadeStream::operator=(CascadeStream&&) noexcept = default;

void CascadeStream::warm_up() { state_->pipeline.warm_up(); }

bool CascadeStream::push(std::span<const std::uint8_t> image, std::optional<std::int32_t> label,
                         Clock::time_point arrival) {
  if (image.size() != state_->image_bytes)
    throw ShapeError(fmt::format("stream: an image of {} bytes, expected {}", image.size(), state_->image_bytes));
  Passage passage{.number = state_->pushed++, .label = label, .submitted = arrival};
  {
    const std::lock_guard lock(state_->mutex);
    passage.pixels = state_->images.emplace_back(image.begin(), image.end());
  }
  std::vector<Passage> passages;
  passages.push_back(std::move(passage));
  return state_->pipeline.submit(std::move(passages));
}

void CascadeStream::close() { state_->pipeline.flush(); }

std::optional<StreamAnswer> CascadeStream::pop() {
  const std::optional<Passage> passage = state_->pipeline.next();
  if (!passage) return std::nullopt;
  {
    const std::lock_guard lock(state_->mutex);
    state_->images.pop_front();
  }
  StreamAnswer answer{
      .number = passage->number,
      .exit_stage = static_cast<int>(passage->stage),
      .answer = std::vector<float>(state_->classes),
      .latency_ms = std::chrono::duration<double, std::milli>(passage->finished - passage->submitted).count()};
  std::vector<std::span<const float>> rows;
  for (std::size_t k = 0; k <= passage->stage; ++k)
    rows.push_back(std::span(passage->probabilities).subspan(k * state_->classes, state_->classes));
  state_->combine(rows, passage->stop_probability, answer.answer);
  return answer;
}

PipelineStatistics CascadeStream::statistics() const { return state_->pipeline.statistics(); }

int StreamAnswer::label() const { return static_cast<int>(std::ranges::max_element(answer) - answer.begin()); }

}  // namespace cascadecl
