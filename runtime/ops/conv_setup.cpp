#include "runtime/ops/conv_setup.h"

#include "runtime/ops/launch.h"

namespace cascadecl::conv {

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

std::string not_cpu_class(const Device& device, KernelClass kernels) {
  const KernelClass runs = kernel_class(device, kernels);
  if (runs == KernelClass::cpu) return {};
  return runs == KernelClass::reference ? "reference kernels were asked for" : "a kernel of the CPU class";
}

void define_fusion(const ConvFusion& fusion, BatchClass batch, Defines& defines) {
  fusion.view.define(defines);
  defines.set("RESIDUAL", fusion.residual ? 1 : 0);
  defines.set("STATISTICS", fusion.statistics ? 1 : 0);
  // Training keeps what it writes for the backward pass, more than caches hold; inference reads it at once.
  if (batch == BatchClass::many) defines.set("STREAM", fusion.statistics ? 2 : 1);
}

std::string fuses_nothing(const ConvDataFusion& fusion) {
  return fusion == ConvDataFusion{} ? "" : "reads no pair, and neither masks nor adds";
}

Defines shape_defines(const ConvGeometry& g) {
  const ImageShape out = g.out();
  return {{"C_CHANNELS", g.in.channels}, {"K_CHANNELS", g.out_channels}, {"HEIGHT", g.in.height},
          {"WIDTH", g.in.width},         {"OUT_HEIGHT", out.height},     {"OUT_WIDTH", out.width},
          {"KERNEL_H", g.kernel_h},      {"KERNEL_W", g.kernel_w},       {"STRIDE", g.stride}};
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
