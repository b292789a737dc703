#pragma once
#include "runtime/ops/conv_implementation.h"

// Convolutions in plain loops (kernels/conv_reference.cl), for any device and what no other kernel takes.
namespace cascadecl::conv {

Implementation<Forward> reference_forward();
Implementation<BackwardData> reference_data();
Implementation<BackwardFilter> reference_filter();

}  // namespace cascadecl::conv
