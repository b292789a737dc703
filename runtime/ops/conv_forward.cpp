#include "runtime/ops/conv_forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

ConvForward::ConvForward(const Device& device, const ConvGeometry& g, const ConvFusion& fusion, KernelClass kernels,
                         BatchClass batch)
    : geometry_(g), cores_(static_cast<int>(device.info().compute_units)), device_(device) {
  const std::optional<std::string> gpu = conv::gpu_declines(device, kernels);
  if (gpu && gpu->empty()) {
    choice_.variant = "gemm";
    gpu_ = std::make_shared<conv::GemmConv>(device, g, conv::Direction::forward, fusion.view, fusion.residual, batch,
                                            choice_);
    return;
  }
  const int block = device.channel_block();
  choice_.reason = conv::winograd_declines(device, g, kernels);
  Defines defines;
  if (choice_.reason.empty()) {
    choice_.variant = "winograd";
    const auto tunables = conv::look_up<conv::Winograd>(device, "forward", g, batch, choice_);
    defines = tunables.defines(g, block);
    if (!fusion.statistics) most_shares_ = tunables.strips(g);
    layout_ = conv::FilterLayout::winograd(device, g.in.channels, g.out_channels, false);
  } else if (const std::string declined = conv::direct_declines(device, g, kernels); declined.empty()) {
    choice_.variant = "direct";
    defines = conv::direct_defines(device, g, g.padding, g.padding);
    define(conv::look_up<conv::Direct>(device, "forward", g, batch, choice_), defines);
    layout_ = conv::FilterLayout::packed(device, g.in.channels, g.out_channels, g.kernel_h, g.kernel_w, false);
  } else {
    choice_ = {.variant = "reference", .reason = gpu.value_or(declined)};
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
  if (weights_.empty()) weights_ = device_.allocate<float>(layout_.floats());
  prepare(weight, weights_);
}

void ConvForward::prepare(const Array<float>& weight, const Array<float>& into) { layout_.run(weight, into); }

void ConvForward::run(int n, const View& in, const Activation& residual, const Activation& out,
                      const Array<float>& moments) {
  if (gpu_) return gpu_->run(n, in, residual, out);
  const Array<float> none;
  if (choice_.variant == "winograd") {
    const Range global{to_size(std::clamp(cores_ / n, 1, most_shares_)), to_size(n)};
    run_(global, Range{}, in.data, in.scale, in.shift, none, none, weights_, residual, out, moments, none, none, none,
         none);
  } else if (choice_.variant == "direct") {
    run_(Range{to_size(n)}, Range{}, in.data, in.scale, in.shift, weights_, residual, out, moments);
  } else {
    const ImageShape shape = geometry_.out();
    run_.run(Range{to_size(shape.height * shape.width), conv::padded(geometry_.out_channels, device_), to_size(n)},
             in.data, in.scale, in.shift, weights_, residual, out);
  }
}

}  // namespace cascadecl
