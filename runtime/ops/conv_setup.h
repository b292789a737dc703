#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "runtime/opencl/device.h"
#include "runtime/ops/conv_problem.h"
#include "runtime/ops/layout.h"
#include "runtime/ops/tunables.h"
#include "runtime/ops/variant.h"

// What the convolutions share when they choose their kernel.
namespace cascadecl::conv {

constexpr int kSlices = 8;  // independent sums over images in the filter gradients, where tuning says nothing else
constexpr int kMostSlices = 256;

// Channels in memory: whole blocks.
std::size_t padded(int channels, const Device& device);

// The defines of kernels/conv_weights.cl, which lays filters out for a convolution from `in` to `out` channels.
// Flipped: they are those of the convolution whose gradient by the input is computed.
Defines weight_defines(const Device& device, int in, int out, int kernel_h, int kernel_w, bool flipped);

// Why an operation that has kernels of the CPU class alone cannot run; empty where that class runs.
std::string not_cpu_class(const Device& device, KernelClass kernels);

// What tuning knows a convolution's launch by.
TuningKey tuning_key(std::string_view kernel, std::string_view operation, const ConvGeometry& geometry, int block,
                     BatchClass batch);

// What the launch of a kernel that has a name of its own, P::kernel, looks its tunables up by.
template <class P>
Lookup<P, ConvGeometry> lookup(const Device& device, std::string_view operation, const ConvGeometry& geometry,
                               BatchClass batch) {
  return {tuning_key(P::kernel, operation, geometry, device.channel_block(), batch), geometry};
}

// What kernels of the CPU class fuse into a convolution.
void define_fusion(const ConvFusion& fusion, BatchClass batch, Defines& defines);
// Why a kernel cannot that computes the plain gradient by the input; empty where nothing is fused.
std::string fuses_nothing(const ConvDataFusion& fusion);

// The defines of kernels/conv_reference.cl, conv_filter_direct.cl and conv_data_strided.cl: plain shapes.
Defines shape_defines(const ConvGeometry& geometry);

// The geometry of the convolution that computes the gradient by the input of a stride-1 convolution.
ConvGeometry backward_geometry(const ConvGeometry& geometry);
// The same as kernels/conv_direct.cl runs it, with the padding that belongs to the turned filter; nothing where that is
// negative or the stride is not 1. Its paddings differ by direction where the kernel is not square: `padding` is that
// of the columns.
std::optional<ConvGeometry> direct_backward_geometry(const ConvGeometry& geometry);

}  // namespace cascadecl::conv
