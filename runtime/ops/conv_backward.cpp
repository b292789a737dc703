#include "runtime/ops/conv_backward.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/conv_kernels.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// The tunables of kernels/conv_backward_winograd.cl: those of the two kernels that it unites, with strips in common.
struct Tunables {
  conv::Winograd data;
  conv::FilterWinograd filter;
};

Tunables choose(const ConvGeometry& g, int block) {
  const ConvGeometry back = conv::backward_geometry(g);
  Tunables t{conv::Winograd::choose(back, block), conv::FilterWinograd::choose(g, block)};
  const int tiles_x = (g.in.width + 3) / 4;
  t.data.tile_rows = t.filter.tile_rows;
  t.data.tile_group = std::min(t.data.k_group == 1 ? 8 : 4, t.data.tile_rows * tiles_x);
  return t;
}

std::size_t local_bytes(const ConvGeometry& g, int block, const Tunables& t) {
  const std::size_t tiles = to_size(t.data.tile_rows * ((g.in.width + 3) / 4));
  const std::size_t gradients = 36 * tiles * to_size(block_count(g.out_channels, block) * block) * sizeof(float);
  // The frequencies also hold the input's, of which there may be more.
  const int more = std::max(0, block_count(g.in.channels, block) - block_count(g.out_channels, block)) * block;
  const std::size_t slots = tiles + to_size(t.data.tile_group);
  return t.data.local_bytes(conv::backward_geometry(g), block) + gradients + 36 * slots * to_size(more) * sizeof(float);
}

}  // namespace

std::string ConvBackward::declines(const Device& device, const ConvGeometry& g, ViewKind view, KernelClass kernels) {
  if (!view.relu) return "no ReLU before the convolution";
  if (std::string reason = conv::winograd_declines(device, conv::backward_geometry(g), kernels); !reason.empty())
    return reason;
  if (std::string reason = conv::filter_winograd_declines(device, g, kernels); !reason.empty()) return reason;
  const int block = device.channel_block(), slices = choose(g, block).filter.slices;
  if (static_cast<int>(device.info().compute_units) > slices)
    return fmt::format("{} slices of the images do not fill {} cores", slices, device.info().compute_units);
  const std::size_t bytes = local_bytes(g, block, choose(g, block)), limit = conv::local_memory_limit(device);
  if (bytes > limit) return fmt::format("needs {} bytes of local memory, the device has {}", bytes, limit);
  return {};
}

ConvBackward::ConvBackward(const Device& device, const ConvGeometry& g, const Fusion& fusion, BatchClass batch)
    : choice_{.variant = "winograd"} {
  const int block = device.channel_block();
  const Tunables tunables = choose(g, block);
  const std::size_t in_padded = to_size(block_count(g.in.channels, block) * block);
  const std::size_t out_padded = to_size(block_count(g.out_channels, block) * block);

  Defines defines = tunables.data.defines(conv::backward_geometry(g), block);
  defines.set("FILTER_C_GROUP", tunables.filter.c_group);
  defines.set("FILTER_K_GROUP", tunables.filter.k_group);
  defines.set("SLICES", tunables.filter.slices);
  defines.set("INPUT_PAIR", fusion.pair ? 1 : 0);
  if (batch == BatchClass::many) defines.set("STREAM", 2);
  ViewKind{.affine = fusion.batch_norm, .relu = true}.define(defines);
  run_ = device.kernel("conv_backward_winograd.cl", "conv_backward_winograd", defines);
  choice_.parameters = values_of(tunables.data);
  slices_ = to_size(tunables.filter.slices);
  workspace_floats_ = slices_ * 36 * in_padded * out_padded;

  reduce_ = device.kernel("conv_filter_winograd.cl", "filter_gradient", tunables.filter.defines(g, block));
  reduce_range_ = {to_size(g.in.channels), to_size(block_count(g.out_channels, block))};
  prepare_ = device.kernel("conv_weights.cl", "transform_weights",
                           {{"CB", block},
                            {"IN_CHANNELS", g.out_channels},
                            {"OUT_CHANNELS", g.in.channels},
                            {"KERNEL_H", 3},
                            {"KERNEL_W", 3},
                            {"FLIPPED", 1}});
  prepare_range_ = {in_padded, to_size(g.out_channels)};
  prepare_group_ = {to_size(block)};
  weights_ = device.allocate<float>(36 * to_size(g.out_channels) * in_padded);
}

void ConvBackward::prepare(const Array<float>& weight) { prepare_(prepare_range_, prepare_group_, weight, weights_); }

void ConvBackward::run(int n, const Gradient& out, const ConvMask& mask, const Array<float>& workspace,
                       const Array<float>& in_gradient, const Array<float>& weight_gradient) {
  run_(Range{slices_}, Range{}, out.data, out.scale, out.shift, out.pair, out.pair_scale, weights_, mask.tensor,
       mask.scale, mask.shift, mask.mean, in_gradient, mask.sums, workspace, n);
  reduce_(reduce_range_, Range{}, workspace, weight_gradient);
}

}  // namespace cascadecl
