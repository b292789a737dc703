#include "runtime/cascade/pipeline/stage_device.h"

#include <numeric>

#include "runtime/cascade/stage_timer.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

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

void StageDevice::upload(std::span<const std::uint8_t> images, std::size_t first_slot) {
  device_.write(pixels_, images, first_slot * image_bytes_);
}

StageRunner::Outcome StageDevice::run(std::size_t stage, std::span<const int> slots, std::span<const float> earlier,
                                      StageCounts& counts) {
  StageTimer timer(settings_.time_stages, device_, counts.seconds);
  StageRunner::Outcome outcome = runners_.at(stage).run(pixels_, slots, earlier, counts.policy_seconds);
  timer.stop();
  warm_.insert(stage);
  check_probabilities(outcome, device_, model_, stage);
  return outcome;
}

void StageDevice::warm_up() {
  const std::size_t n = to_size(settings_.max_batch);
  device_.write(pixels_, std::span<const std::uint8_t>(std::vector<std::uint8_t>(n * image_bytes_)));
  std::vector<int> together(n);
  std::iota(together.begin(), together.end(), 0);
  const std::vector<int> apart(together.rbegin(), together.rend());  // as survivors lie
  double unused = 0;
  for (auto& [stage, runner] : runners_) {
    runner.run(pixels_, stage == 0 ? together : apart, {}, unused);
    warm_.insert(stage);
  }
}

std::size_t StageDevice::peak_bytes() const {
  std::size_t total = 0;
  for (const auto& [stage, runner] : runners_) total += runner.peak_bytes();
  return total;
}

}  // namespace cascadecl
