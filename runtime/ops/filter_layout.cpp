#include "runtime/ops/filter_layout.h"

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

Defines defines_of(const Device& device, const FilterShape& shape) {
  Defines defines = {{"CB", channel_block_of(shape.out, device.channel_block())},
                     {"IN_CHANNELS", shape.in},
                     {"OUT_CHANNELS", shape.out},
                     {"KERNEL_H", shape.kernel_h},
                     {"KERNEL_W", shape.kernel_w},
                     {"FLIPPED", shape.turned ? 1 : 0}};
  if (shape.groups > 1) defines.set("CHANNEL_GROUPS", shape.groups);
  return defines;
}

}  // namespace

FilterShape FilterShape::of(const ConvGeometry& g, bool bias) {
  return {.in = g.group_inputs(),
          .out = g.out_channels,
          .kernel_h = g.kernel_h,
          .kernel_w = g.kernel_w,
          .groups = g.groups,
          .turned = false,
          .bias = bias};
}

FilterShape FilterShape::turned_of(const ConvGeometry& g) {
  return {.in = g.out_channels / g.groups,
          .out = g.in.channels,
          .kernel_h = g.kernel_h,
          .kernel_w = g.kernel_w,
          .groups = g.groups,
          .turned = true,
          .bias = false};
}

FilterLayout::FilterLayout(const Device& device, const FilterShape& shape, const char* kernel,
                           std::size_t filter_floats)
    : kernel_(device.kernel("conv_weights.cl", kernel, defines_of(device, shape))), filter_floats_(filter_floats) {
  if (!shape.bias) return;
  bias_kernel_ = device.kernel("conv_weights.cl", "pack_bias", defines_of(device, shape));
  bias_floats_ = padded(shape.out, device);
}

FilterLayout FilterLayout::packed(const Device& device, const FilterShape& shape) {
  const std::size_t columns = padded(shape.out, device);
  FilterLayout layout(device, shape, "pack_weights", to_size(shape.kernel_h * shape.kernel_w * shape.in) * columns);
  layout.global_ = {columns, to_size(shape.in)};
  if (coarse_items(device)) layout.group_ = Range{to_size(channel_block_of(shape.out, device.channel_block()))};
  return layout;
}

FilterLayout FilterLayout::winograd(const Device& device, const FilterShape& shape) {
  FilterLayout layout(device, shape, "transform_weights", 36 * to_size(shape.in) * padded(shape.out, device));
  layout.global_ = {to_size(block_count(shape.out, device.channel_block())), to_size(shape.in)};
  layout.group_ = Range{};
  return layout;
}

void FilterLayout::run(const Array<float>& filters, const Array<float>& bias, const Array<float>& into) {
  if (group_) {
    kernel_(global_, *group_, filters, into);
  } else {
    kernel_.run(global_, filters, into);
  }
  if (bias_floats_) bias_kernel_.run(Range{bias_floats_}, bias, into, static_cast<int>(filter_floats_));
}

void Filters::prepare(const Array<float>& weight, const Array<float>& bias) {
  if (!converted_) {
    array_ = weight;
    bias_ = bias;
    return;
  }
  if (array_.empty()) array_ = converted_->device.allocate<float>(converted_->layout.floats());
  converted_->layout.run(weight, bias, array_);
}

std::size_t Filters::bytes() const { return converted_ ? converted_->layout.floats() * sizeof(float) : 0; }

}  // namespace cascadecl::conv
