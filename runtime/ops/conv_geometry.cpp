#include "runtime/ops/conv_geometry.h"

#include "runtime/ops/launch.h"

namespace cascadecl {

ImageShape ConvGeometry::out() const {
  return {out_channels, (in.height + 2 * padding - kernel_h) / stride + 1,
          (in.width + 2 * padding - kernel_w) / stride + 1};
}

std::size_t ConvGeometry::weight_count() const {
  return to_size(out_channels) * to_size(group_inputs()) * to_size(kernel_h) * to_size(kernel_w);
}

}  // namespace cascadecl
