#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv_implementation.h"
#include "runtime/ops/conv_setup.h"

// The kernels for CPUs that take any convolution as it is: their tunables, why they decline, and the entries of
// conv_list.h.
namespace cascadecl::conv {

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
std::string direct_declines(const Device& device, const ConvGeometry& geometry);

// kernels/conv_filter_direct.cl
struct FilterDirect {
  int c_group = 4, slices = 2 * kSlices;  // shorter slices: what their items read one after another stays cached
  static constexpr std::string_view kernel = "conv_filter_direct";
  static std::array<Tunable<FilterDirect>, 2> tunables();
  static FilterDirect choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
};
std::string filter_direct_declines(const Device& device, const ConvGeometry& geometry);

// kernels/conv_data_strided.cl
struct Strided {
  int tile_w = 4;
  static constexpr std::string_view kernel = "conv_data_strided";
  static std::array<Tunable<Strided>, 1> tunables();
  static Strided choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
};

Implementation<Forward> direct_forward();
Implementation<BackwardData> direct_data(), strided_data();
Implementation<BackwardFilter> direct_filter();

}  // namespace cascadecl::conv
