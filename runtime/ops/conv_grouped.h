#pragma once
#include "runtime/ops/conv_implementation.h"

// Convolutions in groups of channels, depthwise ones included, on CPUs and GPUs (kernels/conv_grouped.cl and
// conv_filter_grouped.cl).
namespace cascadecl::conv {

Implementation<Forward> grouped_forward();
Implementation<BackwardData> grouped_data();
Implementation<BackwardFilter> grouped_filter();

}  // namespace cascadecl::conv
