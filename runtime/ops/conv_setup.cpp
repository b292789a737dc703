#include "runtime/ops/conv_setup.h"

#include <fmt/format.h>

#include "runtime/ops/launch.h"

namespace cascadecl::conv {

std::size_t padded(int channels, const Device& device) {
  return to_size(block_count(channels, device.channel_block()) * channel_block_of(channels, device.channel_block()));
}

std::string not_cpu_class(const Device& device, KernelClass kernels) {
  const KernelClass runs = kernel_class(device, kernels);
  if (runs == KernelClass::cpu) return {};
  return runs == KernelClass::reference ? "reference kernels were asked for" : "a kernel of the CPU class";
}

void define_fusion(const ConvFusion& fusion, BatchClass batch, Defines& defines) {
  fusion.view.define(defines);
  defines.set("RESIDUAL", fusion.residual ? 1 : 0);
  if (fusion.bias) defines.set("BIAS", 1);
  defines.set("STATISTICS", fusion.statistics ? 1 : 0);
  // Training keeps what it writes for the backward pass, more than caches hold; inference reads it at once.
  if (batch == BatchClass::many) defines.set("STREAM", fusion.statistics ? 2 : 1);
}

std::string fuses_nothing(const ConvDataFusion& fusion) {
  return fusion == ConvDataFusion{} ? "" : "reads no deferred gradient, and neither masks nor adds";
}

std::string in_groups(const ConvGeometry& g) {
  return g.groups == 1 ? "" : fmt::format("{} groups of channels: it is for one", g.groups);
}

Defines shape_defines(const ConvGeometry& g) {
  const ImageShape out = g.out();
  Defines defines = {{"C_CHANNELS", g.in.channels}, {"K_CHANNELS", g.out_channels}, {"HEIGHT", g.in.height},
                     {"WIDTH", g.in.width},         {"OUT_HEIGHT", out.height},     {"OUT_WIDTH", out.width},
                     {"KERNEL_H", g.kernel_h},      {"KERNEL_W", g.kernel_w},       {"STRIDE", g.stride}};
  if (g.groups > 1) defines.set("CHANNEL_GROUPS", g.groups);
  return defines;
}

Defines turned_defines(const ConvGeometry& g, Turned turned, int block) {
  const bool forward = turned == Turned::no;
  const ImageShape from = forward ? g.in : g.out(), to = forward ? g.out() : g.in;
  Defines defines = {{"CB", channel_block_of(to.channels, block)},
                     {"IN_CB", channel_block_of(from.channels, block)},
                     {"C_CHANNELS", from.channels},
                     {"K_CHANNELS", to.channels},
                     {"HEIGHT", from.height},
                     {"WIDTH", from.width},
                     {"OUT_HEIGHT", to.height},
                     {"OUT_WIDTH", to.width},
                     {"KERNEL_H", g.kernel_h},
                     {"KERNEL_W", g.kernel_w},
                     {"PADDING_Y", forward ? g.padding : g.kernel_h - 1 - g.padding},
                     {"PADDING_X", forward ? g.padding : g.kernel_w - 1 - g.padding},
                     {"STRIDE", forward ? g.stride : 1},
                     {"SPREAD", forward ? 1 : g.stride}};
  if (g.groups > 1) defines.set("CHANNEL_GROUPS", g.groups);
  return defines;
}

TuningKey tuning_key(std::string_view kernel, std::string_view operation, const ConvGeometry& g, int block,
                     BatchClass batch) {
  return {.kernel = std::string(kernel),
          .operation = std::string(operation),
          .in_channels = g.in.channels,
          .height = g.in.height,
          .width = g.in.width,
          .out_channels = g.out_channels,
          .kernel_h = g.kernel_h,
          .kernel_w = g.kernel_w,
          .stride = g.stride,
          .padding = g.padding,
          .channel_block = block,
          .batch = batch};
}

ConvGeometry backward_geometry(const ConvGeometry& g) {
  ConvGeometry b = g;
  b.in = g.out();
  b.out_channels = g.in.channels;
  return b;
}

std::optional<ConvGeometry> direct_backward_geometry(const ConvGeometry& g) {
  ConvGeometry direct = backward_geometry(g);
  direct.padding = g.kernel_w - 1 - g.padding;
  if (g.stride != 1 || direct.padding < 0 || g.kernel_h - 1 - g.padding < 0) return std::nullopt;
  return direct;
}

}  // namespace cascadecl::conv
