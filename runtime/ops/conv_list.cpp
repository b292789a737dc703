#include "runtime/ops/conv_list.h"

#include <array>

#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/conv_grouped.h"
#include "runtime/ops/conv_reference.h"
#include "runtime/ops/conv_winograd.h"

namespace cascadecl::conv {

template <>
std::span<const Implementation<Forward>> implementations<Forward>() {
  static const std::array list = {winograd_forward(), direct_forward(), gemm_forward(), grouped_forward(),
                                  reference_forward()};
  return list;
}

template <>
std::span<const Implementation<BackwardData>> implementations<BackwardData>() {
  static const std::array list = {winograd_data(), direct_data(),  strided_data(),
                                  gemm_data(),     grouped_data(), reference_data()};
  return list;
}

template <>
std::span<const Implementation<BackwardFilter>> implementations<BackwardFilter>() {
  static const std::array list = {winograd_filter(), direct_filter(), gemm_filter(), grouped_filter(),
                                  reference_filter()};
  return list;
}

}  // namespace cascadecl::conv
