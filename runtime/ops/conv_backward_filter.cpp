#include "runtime/ops/conv_backward_filter.h"

#include <optional>

#include "data/files/error.h"
#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

bool ConvBackwardFilter::can_fuse(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  return conv::filter_winograd_declines(device, g, kernels).empty();
}

ConvBackwardFilter::ConvBackwardFilter(const Device& device, const ConvGeometry& g, ViewKind view, bool pair,
                                       KernelClass kernels, BatchClass batch)
    : geometry_(g) {
  const std::optional<std::string> gpu = conv::gpu_declines(device, kernels);
  if (gpu && gpu->empty() && !pair) {
    choice_.variant = "gemm";
    gpu_ = std::make_shared<conv::GemmFilter>(device, g, view, batch, choice_);
    workspace_floats_ = gpu_->workspace_floats();
    return;
  }
  const int block = device.channel_block();
  const std::size_t k_padded = conv::padded(g.out_channels, device),
                    k_blocks = to_size(block_count(g.out_channels, block));
  choice_.reason = conv::filter_winograd_declines(device, g, kernels);
  reduce_range_ = {to_size(g.in.channels), k_blocks};
  if (choice_.reason.empty()) {
    choice_.variant = "winograd";
    const auto tunables = conv::look_up<conv::FilterWinograd>(device, "filter", g, batch, choice_);
    const auto slices = to_size(tunables.slices);
    Defines defines = tunables.defines(g, block);
    view.define(defines);
    defines.set("GRADIENT_PAIR", pair ? 1 : 0);
    run_ = device.kernel("conv_filter_winograd.cl", "conv_filter_winograd", defines);
    reduce_ = device.kernel("conv_filter_winograd.cl", "filter_gradient", defines);
    range_ = {to_size(block_count(g.in.channels, block) / tunables.item_blocks), slices};
    workspace_floats_ = slices * conv::padded(g.in.channels, device) * 36 * k_padded;
    return;
  }
  if (pair) throw ShapeError("conv gradient by the filters: only the winograd kernel reads a pair");
  Defines defines = conv::shape_defines(g);
  defines.set("PADDING", g.padding);
  defines.set("CB", channel_block_of(g.out_channels, block));
  defines.set("IN_CB", channel_block_of(g.in.channels, block));
  view.define(defines);
  if (const std::string declined = conv::filter_direct_declines(device, g, kernels); declined.empty()) {
    choice_.variant = "direct";
    const auto tunables = conv::look_up<conv::FilterDirect>(device, "filter", g, batch, choice_);
    const auto slices = to_size(tunables.slices);
    define(tunables, defines);
    run_ = device.kernel("conv_filter_direct.cl", "conv_filter_direct", defines);
    reduce_ = device.kernel("conv_filter_direct.cl", "add_slices", defines);
    range_ = {to_size((g.in.channels + tunables.c_group - 1) / tunables.c_group), k_blocks, slices};
    workspace_floats_ = slices * k_padded * to_size(g.in.channels * g.kernel_h * g.kernel_w);
  } else {
    choice_ = {.variant = "reference", .reason = gpu.value_or(declined)};
    run_ = device.kernel("conv_reference.cl", "conv_backward_filter", defines);
    range_ = {to_size(g.kernel_h * g.kernel_w), to_size(g.in.channels), to_size(g.out_channels)};
  }
}

void ConvBackwardFilter::run(int n, const View& in, const Gradient& out, const Array<float>& workspace,
                             const Array<float>& weight_gradient) {
  if (gpu_) return gpu_->run(n, in, out.data, workspace, weight_gradient);
  if (choice_.variant == "reference") {
    run_.run(range_, in.data, in.scale, in.shift, out.data, weight_gradient, n);
    return;
  }
  if (choice_.variant == "winograd") {
    run_(range_, Range{}, in.data, in.scale, in.shift, out.data, out.scale, out.shift, out.pair, out.pair_scale,
         workspace, n);
  } else {
    run_(range_, Range{}, in.data, in.scale, in.shift, out.data, workspace, n);
  }
  reduce_(reduce_range_, Range{}, workspace, weight_gradient);
}

}  // namespace cascadecl
