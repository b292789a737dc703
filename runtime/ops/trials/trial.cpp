#include "runtime/ops/trials/trial.h"

#include "runtime/ops/trials/random_activation.h"

namespace cascadecl {

Array<float> TrialData::activation(ImageShape shape, int n, std::uint64_t seed) {
  Array<float>& array = drawn_[{shape.channels, shape.height, shape.width, static_cast<std::size_t>(n), seed, 1.0F}];
  if (array.empty()) array = random_activation(device_, shape, n, seed);
  return array;
}

Array<float> TrialData::floats(std::size_t count, std::uint64_t seed, float scale) {
  Array<float>& array = drawn_[{0, 0, 0, count, seed, scale}];
  if (array.empty()) array = random_floats(device_, count, seed, scale);
  return array;
}

}  // namespace cascadecl
