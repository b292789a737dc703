#include "runtime/cascade/stage_runner.h"

#include "runtime/cascade/stage_timer.h"
#include "runtime/network/layout.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

StageRunner::StageRunner(const Device& device, const Model& model, std::size_t stage, const ExecutorSettings& settings)
    : device_(device),
      stage_(stage),
      row_(image_elements(model.input, device.channel_block())),
      classes_(model.classes),
      stop_(settings.stop),
      timed_(settings.time_stages),
      plan_(device, model.stages.at(stage).network, model.stages.at(stage).parameters, settings.max_batch,
            settings.kernels, settings.precision),
      image_input_(device, model.input, model.mean, model.std, settings.precision),
      softmax_(device, model.classes),
      compact_(device, settings.max_batch),
      decide_(device.kernel("decide.cl", "decide", {})) {
  const auto batch = static_cast<std::size_t>(settings.max_batch);
  batch_ = allocate_activation(device, batch * row_, settings.precision);
  probabilities_ = device.allocate<float>(batch * static_cast<std::size_t>(model.classes));
  if (stage >= model.policies.size()) return;
  policy_.emplace(device, model.policies[stage], settings.max_batch);
  stop_probability_ = device.allocate<float>(batch);
  limits_ = device.upload(std::vector<float>(batch, stop_.limit(0, stage)));
  keep_ = device.allocate<int>(batch);
}

void StageRunner::load(int n, std::span<const std::uint8_t> images) {
  if (pixels_.size() < images.size()) pixels_ = device_.allocate<std::uint8_t>(images.size());
  device_.write(pixels_, images);
  image_input_.normalise(n, pixels_, batch_);
}

void StageRunner::hand_on(StageRunner& next, int survivors, int waiting) {
  if (waiting > 0 && next.pool_.empty())
    next.pool_ = allocate_activation(device_, next.batch_.size(), next.batch_.precision());
  compact_.gather(survivors, compact_.indices(), row_, batch_, waiting > 0 ? next.pool_ : next.batch_);
}

void StageRunner::admit(int count, int from, int to) {
  copy_activation(device_, pool_, batch_, to_size(count) * row_, to_size(from) * row_, to_size(to) * row_);
}

void StageRunner::warm_up(int n, std::size_t image_bytes, StageRunner* next) {
  load(n, std::vector<std::uint8_t>(to_size(n) * image_bytes));
  double unused = 0;
  run(n, std::vector<std::uint64_t>(to_size(n)), unused);
  if (!policy_ || !next) return;
  device_.fill(keep_, 1);
  hand_on(*next, compact_.select(n, keep_), n);
  next->admit(n, 0, 0);
}

void StageRunner::write_limits(std::span<const std::uint64_t> numbers) {
  if (stop_.kind != StopRule::Kind::sample) return;
  std::vector<float> limits;
  for (const std::uint64_t number : numbers) limits.push_back(stop_.limit(number, stage_));
  device_.write(limits_, std::span<const float>(limits));
}

StageRunner::Outcome StageRunner::run(int n, std::span<const std::uint64_t> numbers, double& policy_seconds) {
  Outcome outcome;
  const Array<float> logits = plan_.run(n, batch_);
  StageTimer timer(timed_, device_, policy_seconds);
  softmax_.run(n, logits, probabilities_);
  int survivors = 0;
  if (policy_) {
    policy_->run(n, probabilities_, stop_probability_);
    write_limits(numbers);
    launch(device_, decide_, {to_size(n)}, stop_probability_, limits_, keep_);
    survivors = compact_.select(n, keep_);
  }
  outcome.probabilities = device_.read(probabilities_, to_size(n) * to_size(classes_));
  outcome.stop_probability =
      policy_ ? device_.read(stop_probability_, to_size(n)) : std::vector<float>(to_size(n), 1.0F);
  outcome.survivors = device_.read(compact_.indices(), to_size(survivors));
  timer.stop();
  return outcome;
}

}  // namespace cascadecl
