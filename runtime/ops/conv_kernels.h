#pragma once
#include <string>

#include "runtime/ops/conv.h"

// The tunables of the convolution kernels, a typed struct each: valid combinations, defines, and why a kernel declines.
namespace cascadecl::conv {

// Local memory that a kernel may take: some drivers promise more than they can launch.
std::size_t local_memory_limit(const Device& device);

// kernels/conv_winograd.cl
struct Winograd {
  int tile_rows = 1, tile_group = 8, k_group = 1;
  // The tunables for this geometry, from its width and channel blocks.
  static Winograd choose(const ConvGeometry& geometry, int block);
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
  Defines defines(const ConvGeometry& geometry, int block) const;
};
// Empty if kernels/conv_winograd.cl can run this geometry on the device, else why it cannot.
std::string winograd_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// kernels/conv_filter_winograd.cl
struct FilterWinograd {
  int tile_rows = 2, image_group = 1, c_group = 8, k_group = 1;
  static FilterWinograd choose(const ConvGeometry& geometry, int block);
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
  Defines defines(const ConvGeometry& geometry, int block) const;
};
std::string filter_winograd_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// kernels/conv_direct.cl
std::string direct_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);
Defines direct_defines(const Device& device, const ConvGeometry& geometry, int padding_y, int padding_x);

// kernels/conv_filter_direct.cl: input channels whose taps fit into registers together.
int filter_direct_group(const ConvGeometry& geometry);
std::string filter_direct_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// The defines of kernels/conv_reference.cl, conv_filter_direct.cl and conv_data_strided.cl: plain shapes.
Defines shape_defines(const ConvGeometry& geometry);

// The geometry of the convolution that computes the gradient by the input of a stride-1 convolution.
ConvGeometry backward_geometry(const ConvGeometry& geometry);

constexpr int kSlices = 8;  // independent sums over images in the filter gradients

}  // namespace cascadecl::conv
