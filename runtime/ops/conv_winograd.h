#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv_implementation.h"
#include "runtime/ops/conv_setup.h"

// Convolutions by Winograd's F(4x4,3x3) for CPUs: the tunables of the kernels, why they decline, and the entries of
// conv_list.h.
namespace cascadecl::conv {

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
std::string winograd_declines(const Device& device, const ConvGeometry& geometry);

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
std::string filter_winograd_declines(const Device& device, const ConvGeometry& geometry);

Implementation<Forward> winograd_forward();
Implementation<BackwardData> winograd_data();
Implementation<BackwardFilter> winograd_filter();

}  // namespace cascadecl::conv
