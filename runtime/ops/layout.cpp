#include "runtime/ops/layout.h"

#include <algorithm>
#include <bit>

namespace cascadecl {

std::size_t element_bytes(Precision precision) { return precision == Precision::fp16 ? 2 : 4; }

int channel_block_of(int channels, int device_block) {
  const unsigned needed = std::bit_ceil(static_cast<unsigned>(std::max(channels, 1)));
  return std::min(static_cast<int>(needed), device_block);
}

int block_count(int channels, int device_block) {
  const int block = channel_block_of(channels, device_block);
  return (channels + block - 1) / block;
}

std::size_t image_elements(ImageShape shape, int device_block) {
  const int block = channel_block_of(shape.channels, device_block);
  return static_cast<std::size_t>(block_count(shape.channels, device_block)) * static_cast<std::size_t>(block) *
         static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width);
}

}  // namespace cascadecl
