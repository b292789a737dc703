#include "runtime/cascade/stage_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "runtime/cascade/stage_timer.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"

namespace cascadecl {
namespace {

bool side_by_side(std::span<const int> slots) {
  return std::adjacent_find(slots.begin(), slots.end(), [](int a, int b) { return b != a + 1; }) == slots.end();
}

}  // namespace

StageRunner::StageRunner(const Device& device, const Model& model, std::size_t stage, const ExecutorSettings& settings,
                         std::size_t window, bool read_features)
    : device_(device),
      classes_(model.classes),
      max_batch_(settings.max_batch),
      feature_count_(model.stages.at(stage).network.feature_count()),
      timed_(settings.time_stages),
      read_features_(read_features),
      plan_(device, model.stages.at(stage).network, tempered_parameters(model, stage), settings.max_batch,
            settings.kernels, settings.precision),
      image_input_(device, model.input, model.mean, model.std, settings.precision),
      softmax_(device, model.classes),
      slots_(device.allocate<int>(window)) {
  const std::size_t row = image_elements(model.input, device.channel_block());
  batch_ = allocate_activation(device, to_size(settings.max_batch) * row, settings.precision);
  probabilities_ = device.allocate<float>(window * to_size(model.classes));
  const bool has_policy = stage < model.policies.size();
  if (read_features || (has_policy && model.policies[stage].features > 0))
    features_ = device.allocate<float>(window * to_size(feature_count_));
  if (!has_policy) return;
  const std::size_t stages = model.stages.size();
  const bool combined = model.policies[stage].input == PolicyInput::combined;
  policy_.emplace(device, model.policies[stage], static_cast<int>(window),
                  combined ? model.combination.at(stage * stages + stage) : 1);
  if (combined) {
    earlier_ = device.allocate<float>(window * to_size(classes_));
    device.fill(earlier_, 0.0F);
  }
  stop_probability_ = device.allocate<float>(window);
}

void StageRunner::run_networks(const Array<std::uint8_t>& pixels, std::span<const int> slots) {
  const bool together = side_by_side(slots);
  if (!together) device_.write(slots_, slots);
  const auto n = static_cast<int>(slots.size());
  for (int first = 0; first < n; first += max_batch_) {
    const int images = std::min(max_batch_, n - first);
    if (together) {
      image_input_.normalise(images, pixels, batch_, slots.front() + first);
    } else {
      image_input_.gather(images, pixels, slots_, batch_, first);
    }
    softmax_.run(images, plan_.run(images, batch_), probabilities_, first);
    const std::size_t row = to_size(feature_count_);
    if (!features_.empty()) device_.copy(plan_.features(), features_, to_size(images) * row, 0, to_size(first) * row);
    device_.flush();
  }
}

StageRunner::Outcome StageRunner::run(const Array<std::uint8_t>& pixels, std::span<const int> slots,
                                      std::span<const float> earlier, double& policy_seconds) {
  if (!earlier.empty()) device_.write(earlier_, earlier);
  run_networks(pixels, slots);
  StageTimer timer(timed_, device_, policy_seconds);
  if (policy_) policy_->run(static_cast<int>(slots.size()), {probabilities_, features_, earlier_}, stop_probability_);
  timer.stop();
  Outcome outcome;
  outcome.probabilities = device_.read(probabilities_, slots.size() * to_size(classes_));
  outcome.stop_probability =
      policy_ ? device_.read(stop_probability_, slots.size()) : std::vector<float>(slots.size(), 1.0F);
  if (read_features_) outcome.features = device_.read(features_, slots.size() * to_size(feature_count_));
  return outcome;
}

bool sees_earlier(const Model& model, std::size_t stage) {
  return stage > 0 && stage < model.policies.size() && model.policies[stage].input == PolicyInput::combined;
}

void check_probabilities(const StageRunner::Outcome& outcome, const Device& device, const Model& model,
                         std::size_t stage) {
  const auto no_number = [](float value) { return !std::isfinite(value); };
  if (std::ranges::any_of(outcome.probabilities, no_number) || std::ranges::any_of(outcome.stop_probability, no_number))
    throw DeviceError(fmt::format("device {}: stage {} ({}) gave values that are no probabilities", device.info().name,
                                  stage, model.stages[stage].network.name()));
}

}  // namespace cascadecl
