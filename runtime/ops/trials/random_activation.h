#pragma once
#include <cstdint>

#include "runtime/ops/activation_array.h"
#include "runtime/ops/image_shape.h"

namespace cascadecl {

// n images of a shape on the device, [n][C/b][H][W][b], of random values in [-2, 2), about as large as those of
// normalised images. Padding channels are zero. The same seed gives the same values.
Array<float> random_activation(const Device& device, ImageShape shape, int n, std::uint64_t seed);
// The same values in a precision, rounded.
ActivationArray random_activation(const Device& device, ImageShape shape, int n, std::uint64_t seed,
                                  Precision precision);

// `count` random values in [-2, 2), scaled.
Array<float> random_floats(const Device& device, std::size_t count, std::uint64_t seed, float scale = 1);

}  // namespace cascadecl
