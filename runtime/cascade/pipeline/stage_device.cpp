#include "runtime/cascade/pipeline/stage_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/error.h"
#include "runtime/cascade/stage_timer.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

bool side_by_side(std::span<const std::span<const std::uint8_t>> images) {
  const auto apart = [](const auto& a, const auto& b) { return a.data() + a.size() != b.data(); };
  return std::ranges::adjacent_find(images, apart) == images.end();
}

}  // namespace

StageDevice::StageDevice(const Device& device, const Model& model, const ExecutorSettings& settings, std::size_t window,
                         std::size_t slots)
    : model_(model),
      settings_(settings),
      device_(device),
      window_(window),
      image_bytes_(model.input.values()),
      pixels_(device.allocate<std::uint8_t>(slots * image_bytes_)) {}

void StageDevice::add_stage(std::size_t stage) {
  runners_.try_emplace(stage, device_, model_, stage, settings_, window_);
}

void StageDevice::upload(std::span<const std::span<const std::uint8_t>> images, std::size_t first_slot) {
  if (images.empty()) return;
  const std::size_t offset = first_slot * image_bytes_;
  if (side_by_side(images))
    return device_.write(pixels_, std::span(images.front().data(), images.size() * image_bytes_), offset);
  std::vector<std::uint8_t> gathered(images.size() * image_bytes_);
  for (std::size_t i = 0; i < images.size(); ++i)
    std::ranges::copy(images[i], gathered.begin() + static_cast<std::ptrdiff_t>(i * image_bytes_));
  device_.write(pixels_, std::span<const std::uint8_t>(gathered), offset);
}

StageRunner::Outcome StageDevice::run(std::size_t stage, std::span<Passage* const> passages, StageCounts& counts) {
  StageTimer timer(settings_.time_stages, device_, counts.seconds);
  std::vector<int> slots;
  slots.reserve(passages.size());
  for (const Passage* passage : passages) slots.push_back(static_cast<int>(passage->slot));
  StageRunner::Outcome outcome = runners_.at(stage).run(pixels_, slots, counts.policy_seconds);
  timer.stop();
  const auto no_number = [](float value) { return !std::isfinite(value); };
  if (std::ranges::any_of(outcome.probabilities, no_number) || std::ranges::any_of(outcome.stop_probability, no_number))
    throw DeviceError(fmt::format("device {}: stage {} ({}) gave values that are no probabilities", device_.info().name,
                                  stage, model_.stages[stage].network.name()));
  return outcome;
}

void StageDevice::warm_up() {
  const std::size_t n = to_size(settings_.max_batch);
  device_.write(pixels_, std::span<const std::uint8_t>(std::vector<std::uint8_t>(n * image_bytes_)));
  std::vector<int> together(n);
  std::iota(together.begin(), together.end(), 0);
  const std::vector<int> apart(together.rbegin(), together.rend());  // as survivors lie
  double unused = 0;
  for (auto& [stage, runner] : runners_) runner.run(pixels_, stage == 0 ? together : apart, unused);
}

std::size_t StageDevice::peak_bytes() const {
  std::size_t total = 0;
  for (const auto& [stage, runner] : runners_) total += runner.peak_bytes();
  return total;
}

}  // namespace cascadecl
