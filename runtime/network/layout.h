#pragma once
#include <cstddef>

#include "runtime/network/network.h"

namespace cascadecl {

// Activations lie channel-blocked in device memory: [N][C/b][H][W][b]. A block that is not full is padded with zeros.

// b for a tensor with `channels` channels: the device's block, or for fewer channels the next power of two (at least
// 1).
int channel_block_of(int channels, int device_block);

// Blocks of one image: channels / b, rounded up.
int block_count(int channels, int device_block);

// Floats of one image [C/b][H][W][b], padding included.
std::size_t image_elements(ImageShape shape, int device_block);

}  // namespace cascadecl
