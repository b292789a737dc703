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

// The number of channels in memory: whole blocks.
std::size_t padded(int channels, const Device& device);

// Why an operation that only has kernels of the CPU class cannot run; empty where that class runs.
std::string not_cpu_class(const Device& device, KernelClass kernels);

// The key of a convolution's launch for tuning.
TuningKey tuning_key(std::string_view kernel, std::string_view operation, const ConvGeometry& geometry, int block,
                     BatchClass batch);

// The look-up of a kernel that has a name of its own, P::kernel.
template <class P>
Lookup<P, ConvGeometry> lookup(const Device& device, std::string_view operation, const ConvGeometry& geometry,
                               BatchClass batch) {
  return {tuning_key(P::kernel, operation, geometry, device.channel_block(), batch), geometry};
}

// Adds the defines of the work that kernels of the CPU class fuse into a convolution.
void define_fusion(const ConvFusion& fusion, BatchClass batch, Defines& defines);
// Why a kernel that only computes the plain gradient by the input declines; empty where nothing is fused.
std::string fuses_nothing(const ConvDataFusion& fusion);

// Why a kernel that knows nothing of groups declines; empty where there is one group.
std::string in_groups(const ConvGeometry& geometry);

// The defines of kernels/conv_reference.cl, conv_filter_direct.cl and conv_data_strided.cl: the convolution's shapes.
Defines shape_defines(const ConvGeometry& geometry);

// The defines of kernels/conv_turned.h, for kernels that compute a convolution and, on turned filters, its gradient by
// the input: the shapes of the images that the kernel reads and writes.
enum class Turned { no, yes };
Defines turned_defines(const ConvGeometry& geometry, Turned turned, int block);

// The geometry of the convolution that computes the gradient by the input of a stride-1 convolution.
ConvGeometry backward_geometry(const ConvGeometry& geometry);
// The same as kernels/conv_direct.cl runs it, with the padding that belongs to the turned filter; nothing where that is
// negative or the stride is not 1. Its paddings differ by direction where the kernel is not square: `padding` is that
// of the columns.
std::optional<ConvGeometry> direct_backward_geometry(const ConvGeometry& geometry);

}  // namespace cascadecl::conv
