#pragma once
#include <string_view>

#include "runtime/ops/conv.h"

// Convolutions on the device under test against the double-precision reference, for any shape and fusion.
namespace cascadecl::testing {

// One convolution of n images. `variant` is the kernel that automatic must choose on a CPU with channel blocks of 16.
struct ConvCase {
  int n;
  ConvGeometry geometry;
  std::string_view variant;
};

// Fails the test unless the result, the moments (fusion.statistics) and what lies around them are right, twice over.
// The residual is also added in place. Convolutions in groups must choose their kernel on any device.
void check_conv_forward(const ConvCase& conv, const ConvFusion& fusion, KernelClass kernels);

// The gradient by the input, from a plain gradient or a deferred one, with mask, sums and residual; all that plainly
// where the kernel says that it cannot fuse.
void check_conv_backward_data(const ConvCase& conv, const ConvBackwardData::Fusion& fusion, KernelClass kernels);

// The gradient by the filters, from a plain gradient or, where the kernel can read it, a deferred one.
void check_conv_backward_filter(const ConvCase& conv, ViewKind view, bool deferred, KernelClass kernels);

// The gradient by the bias of a convolution that writes n images `out`.
void check_conv_backward_bias(int n, ImageShape out, bool deferred);

}  // namespace cascadecl::testing
