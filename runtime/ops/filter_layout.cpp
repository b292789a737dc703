#include "runtime/ops/filter_layout.h"

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {

FilterLayout FilterLayout::packed(const Device& device, int in, int out, int kernel_h, int kernel_w, bool turned) {
  FilterLayout layout;
  const std::size_t columns = padded(out, device);
  layout.kernel_ =
      device.kernel("conv_weights.cl", "pack_weights", weight_defines(device, in, out, kernel_h, kernel_w, turned));
  layout.global_ = {columns, to_size(in)};
  if (coarse_items(device)) layout.group_ = Range{to_size(channel_block_of(out, device.channel_block()))};
  layout.floats_ = to_size(kernel_h * kernel_w * in) * columns;
  return layout;
}

FilterLayout FilterLayout::winograd(const Device& device, int in, int out, bool turned) {
  FilterLayout layout;
  layout.kernel_ = device.kernel("conv_weights.cl", "transform_weights", weight_defines(device, in, out, 3, 3, turned));
  layout.global_ = {to_size(block_count(out, device.channel_block())), to_size(in)};
  layout.group_ = Range{};
  layout.floats_ = 36 * to_size(in) * padded(out, device);
  return layout;
}

void FilterLayout::run(const Array<float>& filters, const Array<float>& into) {
  if (group_) {
    kernel_(global_, *group_, filters, into);
  } else {
    kernel_.run(global_, filters, into);
  }
}

void Filters::prepare(const Array<float>& weight) {
  if (!converted_) {
    array_ = weight;
    return;
  }
  if (array_.empty()) array_ = converted_->device.allocate<float>(converted_->layout.floats());
  converted_->layout.run(weight, array_);
}

std::size_t Filters::bytes() const { return converted_ ? converted_->layout.floats() * sizeof(float) : 0; }

}  // namespace cascadecl::conv
