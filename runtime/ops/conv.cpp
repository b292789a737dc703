#include "runtime/ops/conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "data/error.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/conv_kernels.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

constexpr Range kOne{1, 1, 1};

std::size_t padded(int channels, const Device& device) {
  return to_size(block_count(channels, device.channel_block()) * channel_block_of(channels, device.channel_block()));
}

Defines weight_defines(const Device& device, int in, int out, int kernel_h, int kernel_w, bool flipped) {
  return {{"CB", channel_block_of(out, device.channel_block())},
          {"IN_CHANNELS", in},
          {"OUT_CHANNELS", out},
          {"KERNEL_H", kernel_h},
          {"KERNEL_W", kernel_w},
          {"FLIPPED", flipped ? 1 : 0}};
}

// Why the GPU class has no kernel for the geometry; "" if it has, nothing if another class runs.
std::optional<std::string> gpu_declines(const Device& device, KernelClass kernels,
                                        Precision precision = Precision::fp32) {
  if (kernel_class(device, kernels) != KernelClass::gpu) return std::nullopt;
  if (precision != Precision::fp32) return "gemm reads and writes fp32 only";
  return conv::gemm_declines(device.info());
}

}  // namespace

ImageShape ConvGeometry::out() const {
  return {out_channels, (in.height + 2 * padding - kernel_h) / stride + 1,
          (in.width + 2 * padding - kernel_w) / stride + 1};
}

std::size_t ConvGeometry::weight_count() const {
  return to_size(out_channels) * to_size(in.channels) * to_size(kernel_h) * to_size(kernel_w);
}

ConvForward::ConvForward(const Device& device, const ConvGeometry& g, const ConvFusion& fusion, KernelClass kernels,
                         BatchClass batch)
    : geometry_(g),
      prepare_range_{padded(g.out_channels, device), to_size(g.in.channels)},
      prepare_group_(to_size(channel_block_of(g.out_channels, device.channel_block()))),
      cores_(static_cast<int>(device.info().compute_units)),
      device_(device) {
  const std::optional<std::string> gpu = gpu_declines(device, kernels, fusion.view.precision);
  if (gpu && gpu->empty()) {
    choice_.variant = "gemm";
    gpu_ = std::make_shared<conv::GemmConv>(device, g, conv::Direction::forward, fusion.view, fusion.residual);
    return;
  }
  const int block = device.channel_block();
  const Defines weights = weight_defines(device, g.in.channels, g.out_channels, g.kernel_h, g.kernel_w, false);
  choice_.reason = conv::winograd_declines(device, g, kernels);
  Defines defines;
  if (choice_.reason.empty()) {
    choice_.variant = "winograd";
    const auto tunables = conv::look_up<conv::Winograd>(device, "forward", g, batch, choice_);
    defines = tunables.defines(g, block);
    if (!fusion.statistics) most_shares_ = tunables.strips(g);
    prepare_ = device.kernel("conv_weights.cl", "transform_weights", weights);
    weight_floats_ = 36 * to_size(g.in.channels) * padded(g.out_channels, device);
  } else if (const std::string declined = conv::direct_declines(device, g, kernels); declined.empty()) {
    choice_.variant = "direct";
    defines = conv::direct_defines(device, g, g.padding, g.padding);
    define(conv::look_up<conv::Direct>(device, "forward", g, batch, choice_), defines);
    prepare_ = device.kernel("conv_weights.cl", "pack_weights", weights);
    weight_floats_ = to_size(g.kernel_h * g.kernel_w * g.in.channels) * padded(g.out_channels, device);
  } else {
    choice_ = {"reference", gpu.value_or(declined)};
    defines = conv::direct_defines(device, g, g.padding, g.padding);
    defines.set("PADDING", g.padding);
  }
  fusion.view.define(defines);
  defines.set("RESIDUAL", fusion.residual ? 1 : 0);
  if (fuses_statistics()) defines.set("STATISTICS", fusion.statistics ? 1 : 0);
  // Training keeps what it writes for the backward pass, more than caches hold; inference reads it at once.
  if (batch == BatchClass::many) defines.set("STREAM", fusion.statistics ? 2 : 1);
  if (choice_.variant == "reference") {
    run_ = device.kernel("conv_reference.cl", "conv_forward", defines);
    prepare_range_.x = padded(g.out_channels, device);
  } else {
    run_ = device.kernel(fmt::format("conv_{}.cl", choice_.variant), fmt::format("conv_{}", choice_.variant), defines);
  }
}

std::size_t ConvForward::weight_bytes() const {
  if (gpu_) return gpu_->weight_bytes();
  return choice_.variant == "reference" ? 0 : weights_.size() * sizeof(float);
}

void ConvForward::prepare(const Array<float>& weight) {
  if (gpu_) return gpu_->prepare(weight);
  if (choice_.variant == "reference") {
    weights_ = weight;  // read as they are
    return;
  }
  if (weights_.empty()) weights_ = device_.allocate<float>(weight_floats_);
  prepare(weight, weights_);
}

void ConvForward::prepare(const Array<float>& weight, const Array<float>& into) {
  prepare_(prepare_range_, Range{prepare_group_}, weight, into);
}

void ConvForward::run(int n, const View& in, const Activation& residual, const Activation& out,
                      const Array<float>& moments) {
  if (gpu_) return gpu_->run(n, in, residual.floats(), out.floats());
  const Array<float> none;
  if (choice_.variant == "winograd") {
    const Range global{to_size(std::clamp(cores_ / n, 1, most_shares_)), to_size(n)};
    run_(global, kOne, in.data, in.scale, in.shift, none, none, weights_, residual, out, moments, none, none, none,
         none);
  } else if (choice_.variant == "direct") {
    run_(Range{to_size(n)}, kOne, in.data, in.scale, in.shift, weights_, residual, out, moments);
  } else {
    const ImageShape shape = geometry_.out();
    run_.run(Range{to_size(shape.height * shape.width), prepare_range_.x, to_size(n)}, in.data, in.scale, in.shift,
             weights_, residual, out);
  }
}

bool ConvBackwardData::can_fuse(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  return conv::winograd_declines(device, conv::backward_geometry(g), kernels).empty();
}

ConvBackwardData::ConvBackwardData(const Device& device, const ConvGeometry& g, const Fusion& fusion,
                                   KernelClass kernels, BatchClass batch)
    : geometry_(g),
      prepare_range_{padded(g.in.channels, device), to_size(g.out_channels)},
      prepare_group_(to_size(channel_block_of(g.in.channels, device.channel_block()))) {
  const std::optional<std::string> gpu = gpu_declines(device, kernels);
  if (gpu && gpu->empty()) {
    choice_.variant = "gemm";
    fused_ = !fusion.pair && fusion.mask == MaskKind::none && !fusion.residual;
    gpu_ = std::make_shared<conv::GemmConv>(device, g, conv::Direction::backward, ViewKind{}, false);
    return;
  }
  const ConvGeometry back = conv::backward_geometry(g);
  const int block = device.channel_block();
  const Defines weights = weight_defines(device, g.out_channels, g.in.channels, g.kernel_h, g.kernel_w, true);
  const std::size_t packed = to_size(g.kernel_h * g.kernel_w * g.out_channels) * padded(g.in.channels, device);
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
    prepare_ = device.kernel("conv_weights.cl", "transform_weights", weights);
    weights_ = device.allocate<float>(36 * to_size(g.out_channels) * padded(g.in.channels, device));
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
    prepare_ = device.kernel("conv_weights.cl", "pack_weights", weights);
    weights_ = device.allocate<float>(packed);
    run_ = device.kernel("conv_direct.cl", "conv_direct", defines);
    return;
  }
  Defines defines = conv::shape_defines(g);
  defines.set("PADDING", g.padding);
  if (kernel_class(device, kernels) == KernelClass::cpu) {
    choice_.variant = "strided";
    defines.set("CB", channel_block_of(g.in.channels, block));
    defines.set("OUT_CB", channel_block_of(g.out_channels, block));
    prepare_ = device.kernel("conv_weights.cl", "pack_weights", weights);
    weights_ = device.allocate<float>(packed);
    run_ = device.kernel("conv_data_strided.cl", "conv_data_strided", defines);
  } else {
    choice_ = {"reference", gpu.value_or(choice_.reason)};
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
    prepare_(prepare_range_, Range{prepare_group_}, weight, weights_);
  }
}

void ConvBackwardData::run(int n, const Gradient& out, const ConvMask& mask, const Array<float>& residual,
                           const Array<float>& in_gradient) {
  if (gpu_) return gpu_->run(n, {out.data, {}, {}}, {}, in_gradient);
  const Array<float> none;
  if (choice_.variant == "winograd") {
    run_(Range{1, to_size(n)}, kOne, out.data, out.scale, out.shift, out.pair, out.pair_scale, weights_, residual,
         in_gradient, mask.sums, mask.tensor, mask.scale, mask.shift, mask.mean);
  } else if (choice_.variant == "direct") {
    run_(Range{to_size(n)}, kOne, out.data, none, none, weights_, none, in_gradient, none);
  } else if (choice_.variant == "strided") {
    run_(Range{in_blocks_, to_size(n)}, kOne, out.data, weights_, in_gradient);
  } else {
    run_.run(Range{to_size(geometry_.in.height * geometry_.in.width), prepare_range_.x, to_size(n)}, out.data, weights_,
             in_gradient);
  }
}

bool ConvBackwardFilter::can_fuse(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  return conv::filter_winograd_declines(device, g, kernels).empty();
}

ConvBackwardFilter::ConvBackwardFilter(const Device& device, const ConvGeometry& g, ViewKind view, bool pair,
                                       KernelClass kernels, BatchClass batch)
    : geometry_(g) {
  const std::optional<std::string> gpu = gpu_declines(device, kernels);
  if (gpu && gpu->empty() && !pair) {
    choice_.variant = "gemm";
    gpu_ = std::make_shared<conv::GemmFilter>(device, g, view);
    workspace_floats_ = gpu_->workspace_floats();
    return;
  }
  const int block = device.channel_block();
  const std::size_t k_padded = padded(g.out_channels, device), k_blocks = to_size(block_count(g.out_channels, block));
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
    workspace_floats_ = slices * padded(g.in.channels, device) * 36 * k_padded;
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
    choice_ = {"reference", gpu.value_or(declined)};
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
    run_(range_, kOne, in.data, in.scale, in.shift, out.data, out.scale, out.shift, out.pair, out.pair_scale, workspace,
         n);
  } else {
    run_(range_, kOne, in.data, in.scale, in.shift, out.data, workspace, n);
  }
  reduce_(reduce_range_, kOne, workspace, weight_gradient);
}

}  // namespace cascadecl
