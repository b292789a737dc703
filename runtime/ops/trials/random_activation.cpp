#include "runtime/ops/trials/random_activation.h"

#include "data/files/random.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"

namespace cascadecl {
namespace {

float random_float(std::uint64_t seed, std::size_t i) { return static_cast<float>(philox(seed, i)[0]) * 0x1p-30F - 2; }

std::vector<float> random_values(const Device& device, ImageShape shape, int n, std::uint64_t seed) {
  const std::size_t block = to_size(channel_block_of(shape.channels, device.channel_block()));
  const std::size_t blocks = to_size(block_count(shape.channels, device.channel_block()));
  const std::size_t plane = to_size(shape.height) * to_size(shape.width);
  std::vector<float> images(to_size(n) * blocks * plane * block);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::size_t channel = i / (plane * block) % blocks * block + i % block;
    if (channel < to_size(shape.channels)) images[i] = random_float(seed, i);
  }
  return images;
}

}  // namespace

Array<float> random_activation(const Device& device, ImageShape shape, int n, std::uint64_t seed) {
  return device.upload(random_values(device, shape, n, seed));
}

ActivationArray random_activation(const Device& device, ImageShape shape, int n, std::uint64_t seed,
                                  Precision precision) {
  const std::vector<float> values = random_values(device, shape, n, seed);
  if (precision == Precision::fp32) return device.upload(values);
  std::vector<Half> halves;
  for (const float value : values) halves.push_back(to_half(value));
  return device.upload(halves);
}

Array<float> random_floats(const Device& device, std::size_t count, std::uint64_t seed, float scale) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = scale * random_float(seed, i);
  return device.upload(values);
}

}  // namespace cascadecl
