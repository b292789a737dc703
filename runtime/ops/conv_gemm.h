#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv_implementation.h"

// Convolutions of the GPU class as matrix products of tiles in local memory: the tunables of the kernels, and the
// entries of conv_list.h.
namespace cascadecl::conv {

// The tunables of kernels/gemm_tile.h: what a work-group and a work-item compute. The geometry is the columns of the
// product: channels of the result.
struct GemmTile {
  int m = 64, n = 16, d = 16;  // rows, columns and depth of a work-group
  int item_m = 4, item_n = 4;  // rows and columns of a work-item

  static constexpr std::string_view kernel = "conv_gemm";
  static std::array<Tunable<GemmTile>, 5> tunables();
  // The largest tile that suits this many columns and runs on the device, else the smallest.
  static GemmTile choose(int columns, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(int columns, const TuningTarget& target);
  std::string fault(int columns, const TuningTarget& target) const;
  int items() const { return m / item_m * (n / item_n); }
  std::size_t local_bytes() const;
};

// Those of kernels/conv_filter_gemm.cl.
struct GemmFilterTile : GemmTile {
  int slices = 8;
  static constexpr std::string_view kernel = "conv_filter_gemm";
  static std::array<Tunable<GemmFilterTile>, 6> tunables();
  static GemmFilterTile choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
};

// Empty if the device can run the kernels of this file, whatever the geometry; else why it cannot.
std::string gemm_declines(const DeviceInfo& device);

Implementation<Forward> gemm_forward();
Implementation<BackwardData> gemm_data();
Implementation<BackwardFilter> gemm_filter();

}  // namespace cascadecl::conv
