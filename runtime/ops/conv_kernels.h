#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv.h"
#include "runtime/tuning/tunables.h"

// The tunables of the convolution kernels, a typed struct each: valid combinations, defines, and why a kernel declines.
namespace cascadecl::conv {

constexpr int kSlices = 8;  // independent sums over images in the filter gradients, where tuning says nothing else

// kernels/conv_winograd.cl
struct Winograd {
  int tile_rows = 1, tile_group = 8, k_group = 1;
  static constexpr std::string_view kernel = "conv_winograd";
  static std::array<Tunable<Winograd>, 3> tunables();
  // The tunables for this geometry, from its width and channel blocks.
  static Winograd choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
  int strips(const ConvGeometry& geometry) const;  // independent pieces of an image
  Defines defines(const ConvGeometry& geometry, int block) const;
};
// Empty if kernels/conv_winograd.cl can run this geometry on the device, else why it cannot.
std::string winograd_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// kernels/conv_filter_winograd.cl
struct FilterWinograd {
  int tile_rows = 2, image_group = 1, c_group = 8, k_group = 1, item_blocks = 1, slices = kSlices;
  static constexpr std::string_view kernel = "conv_filter_winograd";
  static std::array<Tunable<FilterWinograd>, 6> tunables();
  static FilterWinograd choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
  Defines defines(const ConvGeometry& geometry, int block) const;
};
std::string filter_winograd_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// kernels/conv_direct.cl
struct Direct {
  int tile_w = 8;
  static constexpr std::string_view kernel = "conv_direct";
  static std::array<Tunable<Direct>, 1> tunables();
  static Direct choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
};
std::string direct_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);
Defines direct_defines(const Device& device, const ConvGeometry& geometry, int padding_y, int padding_x);

// kernels/conv_filter_direct.cl
struct FilterDirect {
  int c_group = 3, slices = kSlices;
  static constexpr std::string_view kernel = "conv_filter_direct";
  static std::array<Tunable<FilterDirect>, 2> tunables();
  static FilterDirect choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry) const;
};
std::string filter_direct_declines(const Device& device, const ConvGeometry& geometry, KernelClass kernels);

// kernels/conv_data_strided.cl
struct Strided {
  int tile_w = 4;
  static constexpr std::string_view kernel = "conv_data_strided";
  static std::array<Tunable<Strided>, 1> tunables();
  static Strided choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
};

// What tuning knows a convolution's launch by.
TuningKey tuning_key(std::string_view kernel, std::string_view operation, const ConvGeometry& geometry, int block,
                     BatchClass batch);

// The parameters of a kernel that has a name of its own and takes a convolution's geometry.
template <class P>
P look_up(const Device& device, std::string_view operation, const ConvGeometry& geometry, BatchClass batch,
          VariantChoice& choice) {
  return cascadecl::look_up<P>(device, tuning_key(P::kernel, operation, geometry, device.channel_block(), batch),
                               geometry, choice);
}

// The defines of kernels/conv_reference.cl, conv_filter_direct.cl and conv_data_strided.cl: plain shapes.
Defines shape_defines(const ConvGeometry& geometry);

// The geometry of the convolution that computes the gradient by the input of a stride-1 convolution.
ConvGeometry backward_geometry(const ConvGeometry& geometry);
// The same as kernels/conv_direct.cl runs it, with the padding that belongs to the turned filter; nothing where that is
// negative or the stride is not 1. Its paddings differ by direction where the kernel is not square: `padding` is that
// of the columns.
std::optional<ConvGeometry> direct_backward_geometry(const ConvGeometry& geometry);

}  // namespace cascadecl::conv
