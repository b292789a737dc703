#include "runtime/ops/conv_setup.h"

#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {

std::size_t padded(int channels, const Device& device) {
  return to_size(block_count(channels, device.channel_block()) * channel_block_of(channels, device.channel_block()));
}

Defines weight_defines(const Device& device, int in, int out, int kernel_h, int kernel_w, bool flipped) {
  return {{"CB", channel_block_of(out, device.channel_block())},
          {"IN_CHANNELS", in},
          {"OUT_CHANNELS", out},
          {"KERNEL_H", kernel_h},
          {"KERNEL_W", kernel_w},
          {"FLIPPED", flipped ? 1 : 0}};
}

std::optional<std::string> gpu_declines(const Device& device, KernelClass kernels, Precision precision) {
  if (kernel_class(device, kernels) != KernelClass::gpu) return std::nullopt;
  if (precision != Precision::fp32) return "gemm reads and writes fp32 only";
  return gemm_declines(device.info());
}

}  // namespace cascadecl::conv
