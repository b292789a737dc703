#pragma once
#include <optional>
#include <string>

#include "runtime/network/layout.h"
#include "runtime/opencl/device.h"

// What the convolutions share when they choose their kernel.
namespace cascadecl::conv {

// Channels in memory: whole blocks.
std::size_t padded(int channels, const Device& device);

// The defines of kernels/conv_weights.cl, which lays filters out for a convolution from `in` to `out` channels.
// Flipped: they are those of the convolution whose gradient by the input is computed.
Defines weight_defines(const Device& device, int in, int out, int kernel_h, int kernel_w, bool flipped);

// Why the GPU class has no kernel for the geometry; "" if it has, nothing if another class runs.
std::optional<std::string> gpu_declines(const Device& device, KernelClass kernels,
                                        Precision precision = Precision::fp32);

}  // namespace cascadecl::conv
