#include "runtime/ops/conv_backward_data.h"

#include <optional>

#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

bool ConvBackwardData::can_fuse(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  return conv::winograd_declines(device, conv::backward_geometry(g), kernels).empty();
}

ConvBackwardData::ConvBackwardData(const Device& device, const ConvGeometry& g, const Fusion& fusion,
                                   KernelClass kernels, BatchClass batch)
    : geometry_(g), in_padded_(conv::padded(g.in.channels, device)) {
  const std::optional<std::string> gpu = conv::gpu_declines(device, kernels);
  if (gpu && gpu->empty()) {
    choice_.variant = "gemm";
    fused_ = !fusion.pair && fusion.mask == MaskKind::none && !fusion.residual;
    gpu_ = std::make_shared<conv::GemmConv>(device, g, conv::Direction::backward, ViewKind{}, false, batch, choice_);
    return;
  }
  const ConvGeometry back = conv::backward_geometry(g);
  const int block = device.channel_block();
  const auto packed = [&] {
    return conv::FilterLayout::packed(device, g.out_channels, g.in.channels, g.kernel_h, g.kernel_w, true);
  };
  in_blocks_ = to_size(block_count(g.in.channels, block));
  choice_.reason = conv::winograd_declines(device, back, kernels);
  if (choice_.reason.empty() && g.stride == 1) {
    choice_.variant = "winograd";
    fused_ = true;
    Defines defines = conv::look_up<conv::Winograd>(device, "data", back, batch, choice_).defines(back, block);
    defines.set("INPUT_PAIR", fusion.pair ? 1 : 0);
    defines.set("MASK", static_cast<int>(fusion.mask));
    defines.set("RESIDUAL", fusion.residual ? 1 : 0);
    if (batch == BatchClass::many) defines.set("STREAM", 2);
    layout_ = conv::FilterLayout::winograd(device, g.out_channels, g.in.channels, true);
    weights_ = device.allocate<float>(layout_.floats());
    run_ = device.kernel("conv_winograd.cl", "conv_winograd", defines);
    return;
  }
  fused_ = !fusion.pair && fusion.mask == MaskKind::none && !fusion.residual;
  const std::optional<ConvGeometry> direct = conv::direct_backward_geometry(g);
  if (direct && conv::direct_declines(device, *direct, kernels).empty()) {
    choice_.variant = "direct";
    Defines defines = {{"CB", channel_block_of(g.in.channels, block)},
                       {"IN_CB", channel_block_of(g.out_channels, block)},
                       {"C_CHANNELS", g.out_channels},
                       {"K_BLOCKS", block_count(g.in.channels, block)},
                       {"HEIGHT", back.in.height},
                       {"WIDTH", back.in.width},
                       {"OUT_HEIGHT", g.in.height},
                       {"OUT_WIDTH", g.in.width},
                       {"KERNEL_H", g.kernel_h},
                       {"KERNEL_W", g.kernel_w},
                       {"PADDING_Y", g.kernel_h - 1 - g.padding},
                       {"PADDING_X", direct->padding}};
    define(conv::look_up<conv::Direct>(device, "data", *direct, batch, choice_), defines);
    layout_ = packed();
    weights_ = device.allocate<float>(layout_.floats());
    run_ = device.kernel("conv_direct.cl", "conv_direct", defines);
    return;
  }
  Defines defines = conv::shape_defines(g);
  defines.set("PADDING", g.padding);
  if (kernel_class(device, kernels) == KernelClass::cpu) {
    choice_.variant = "strided";
    defines.set("CB", channel_block_of(g.in.channels, block));
    defines.set("OUT_CB", channel_block_of(g.out_channels, block));
    define(conv::look_up<conv::Strided>(device, "data", g, batch, choice_), defines);
    layout_ = packed();
    weights_ = device.allocate<float>(layout_.floats());
    run_ = device.kernel("conv_data_strided.cl", "conv_data_strided", defines);
  } else {
    choice_ = {.variant = "reference", .reason = gpu.value_or(choice_.reason)};
    defines.set("CB", channel_block_of(g.out_channels, block));
    defines.set("IN_CB", channel_block_of(g.in.channels, block));
    run_ = device.kernel("conv_reference.cl", "conv_backward_data", defines);
  }
}

std::size_t ConvBackwardData::weight_bytes() const {
  if (gpu_) return gpu_->weight_bytes();
  return choice_.variant == "reference" ? 0 : weights_.size() * sizeof(float);
}

void ConvBackwardData::prepare(const Array<float>& weight) {
  if (gpu_) return gpu_->prepare(weight);
  if (choice_.variant == "reference") {
    weights_ = weight;
  } else {
    layout_.run(weight, weights_);
  }
}

void ConvBackwardData::run(int n, const Gradient& out, const ConvMask& mask, const Array<float>& residual,
                           const Array<float>& in_gradient) {
  if (gpu_) return gpu_->run(n, {out.data, {}, {}}, {}, in_gradient);
  const Array<float> none;
  if (choice_.variant == "winograd") {
    run_(Range{1, to_size(n)}, Range{}, out.data, out.scale, out.shift, out.pair, out.pair_scale, weights_, residual,
         in_gradient, mask.sums, mask.tensor, mask.scale, mask.shift, mask.mean);
  } else if (choice_.variant == "direct") {
    run_(Range{to_size(n)}, Range{}, out.data, none, none, weights_, none, in_gradient, none);
  } else if (choice_.variant == "strided") {
    run_(Range{in_blocks_, to_size(n)}, Range{}, out.data, weights_, in_gradient);
  } else {
    run_.run(Range{to_size(geometry_.in.height * geometry_.in.width), in_padded_, to_size(n)}, out.data, weights_,
             in_gradient);
  }
}

}  // namespace cascadecl
