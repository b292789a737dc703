#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/cascade/model.h"

// A cascade of three stages and images for it, small enough to be run by hand in double precision.
namespace cascadecl::small_cascade {

inline constexpr ImageShape shape{3, 8, 8};
inline constexpr std::size_t image_bytes = 3 * 8 * 8;
inline constexpr int classes = 7;

// resnet-8, wrn-10-2 and resnet-14 with random weights and policies.
const Model& test_model();

// uint8 [n][C][H][W].
std::vector<std::uint8_t> random_images(std::size_t n, unsigned seed = 5);

}  // namespace cascadecl::small_cascade
