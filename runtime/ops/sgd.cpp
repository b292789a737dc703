#include "runtime/ops/sgd.h"

#include <algorithm>

#include "runtime/ops/launch.h"

namespace cascadecl {

Sgd::Sgd(const Device& device, std::size_t count) : device_(device), count_(count) {
  const PieceProblem problem = step_problem(device, count);
  piece_ = look_up<Piece>(device, problem.key, problem, choice_);
  Defines defines{{"CB", device.channel_block()}};
  define(piece_, defines);
  kernel_ = device.kernel("sgd.cl", "sgd", defines);
  add_ = device.kernel("sgd.cl", "add_gradient", defines);
}

PieceProblem Sgd::step_problem(const Device& device, std::size_t count) {
  constexpr std::size_t most = std::size_t{1} << 30;
  const int length = static_cast<int>(std::clamp<std::size_t>(count, 1, most)), block = device.channel_block();
  return {.key = {.kernel = "sgd",
                  .operation = "step",
                  .in_channels = length,
                  .out_channels = length,
                  .channel_block = block},
          .length = length,
          .step = block,
          .coarse = 4096,
          .fine = block};
}

void Sgd::step(const Array<float>& weights, const Array<float>& gradient, const Array<float>& velocity,
               const SgdSettings& settings) {
  run(count_, weights, gradient, velocity, settings);
}

void Sgd::step_part(std::size_t first, std::size_t count, const Array<float>& weights, const Array<float>& gradient,
                    const Array<float>& velocity, const SgdSettings& settings) {
  if (count == 0) return;
  run(count, device_.slice(weights, first, count), device_.slice(gradient, first, count),
      device_.slice(velocity, first, count), settings);
}

void Sgd::run(std::size_t count, const Array<float>& weights, const Array<float>& gradient,
              const Array<float>& velocity, const SgdSettings& settings) {
  launch(device_, kernel_, {piece_.count(count)}, weights, gradient, velocity, static_cast<unsigned>(count),
         settings.learning_rate, settings.momentum, settings.weight_decay, settings.nesterov ? 1 : 0);
}

void Sgd::add(const Array<float>& sum, const Array<float>& gradient) {
  launch(device_, add_, {piece_.count(count_)}, sum, gradient, static_cast<unsigned>(count_));
}

}  // namespace cascadecl
