#pragma once
#include "runtime/opencl/device.h"
#include "runtime/ops/layout.h"

namespace cascadecl {

// The class of kernels that an operation runs: the one asked for, else that of the device.
inline KernelClass kernel_class(const Device& device, KernelClass asked) {
  return asked == KernelClass::automatic ? device.info().kernel_class() : asked;
}

// Whether kernels should give one work-item a large piece of work (CPU) or a small one (GPU).
inline bool coarse_items(const Device& device) { return device.info().coarse_items(); }

// Runs a kernel whose work-items are independent. On a CPU each item loops over its piece in vectors of its own, so a
// work-group is one item. Elsewhere the driver chooses the work-groups.
template <class... Args>
void launch(const Device& device, Kernel& kernel, Range global, const Args&... args) {
  if (coarse_items(device)) {
    kernel(global, Range{}, args...);
  } else {
    kernel.run(global, args...);
  }
}

// The defines that tell every kernel on [n][C/b][H][W][b] the shape of its tensor.
inline Defines tensor_defines(const Device& device, ImageShape shape) {
  return {{"CB", channel_block_of(shape.channels, device.channel_block())},
          {"CHANNELS", shape.channels},
          {"HEIGHT", shape.height},
          {"WIDTH", shape.width}};
}

// Rounded up.
inline int div_up(int a, int b) { return (a + b - 1) / b; }
inline std::size_t div_up(std::size_t a, int b) {
  return (a + static_cast<std::size_t>(b) - 1) / static_cast<std::size_t>(b);
}

inline std::size_t to_size(int count) { return static_cast<std::size_t>(count); }

}  // namespace cascadecl
