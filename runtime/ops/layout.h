#pragma once
#include <cstddef>

#include "runtime/ops/image_shape.h"

namespace cascadecl {

// How the elements of activations lie in device memory. What is computed from them is float either way.
enum class Precision { fp32, fp16 };

std::size_t element_bytes(Precision precision);

// Activations lie channel-blocked in device memory: [N][C/b][H][W][b]. A block that is not full is padded with zeros.

// b for a tensor with `channels` channels: the device's block, or for fewer channels the next power of two (at least
// 1).
int channel_block_of(int channels, int device_block);

// Blocks of one image: channels / b, rounded up.
int block_count(int channels, int device_block);

// Elements of one image [C/b][H][W][b], padding included.
std::size_t image_elements(ImageShape shape, int device_block);

}  // namespace cascadecl
