#include "runtime/ops/sgd.h"

#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// Values of one work-item.
long piece_of(const Device& device) { return coarse_items(device) ? 4096 : device.channel_block(); }

}  // namespace

Sgd::Sgd(const Device& device)
    : device_(device),
      kernel_(device.kernel("sgd.cl", "sgd", {{"CB", device.channel_block()}, {"PIECE", piece_of(device)}})) {}

void Sgd::step(std::size_t count, const Array<float>& weights, const Array<float>& gradient,
               const Array<float>& velocity, const SgdSettings& settings) {
  const std::size_t piece = static_cast<std::size_t>(piece_of(device_));
  launch(device_, kernel_, {(count + piece - 1) / piece}, weights, gradient, velocity, static_cast<unsigned>(count),
         settings.learning_rate, settings.momentum, settings.weight_decay);
}

}  // namespace cascadecl
