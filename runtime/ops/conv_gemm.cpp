#include "runtime/ops/conv_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

// From the largest to the smallest, 64 to 128 work-items each: whole wavefronts of 32 and 64 lanes.
constexpr std::array kTiles{
    GemmTile{.m = 64, .n = 64, .item_m = 4, .item_n = 8},
    GemmTile{.m = 64, .n = 32, .item_m = 4, .item_n = 4},
    GemmTile{.m = 128, .n = 16, .item_m = 4, .item_n = 4},
    GemmTile{.m = 64, .n = 16, .item_m = 4, .item_n = 4},
};

std::size_t div_up(std::size_t a, int b) { return (a + to_size(b) - 1) / to_size(b); }
int padded(int channels, int block) { return block_count(channels, block) * channel_block_of(channels, block); }

// Independent sums over images in the filter gradient: enough work-groups to fill a large GPU, few enough that adding
// them up costs little. Of the geometry alone, so that the bits are those of the geometry.
int filter_slices(std::size_t groups) {
  constexpr std::size_t kGroups = 512, kMost = 64;
  return static_cast<int>(std::clamp<std::size_t>(kGroups / groups, 1, kMost));
}

// The shape that conv_gemm.cl reads and writes.
Defines gemm_defines(const ConvGeometry& g, Direction direction, int block) {
  const bool forward = direction == Direction::forward;
  const ImageShape from = forward ? g.in : g.out(), to = forward ? g.out() : g.in;
  return {{"CB", channel_block_of(to.channels, block)},
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
}

}  // namespace

GemmTile GemmTile::choose(const DeviceInfo& device, int columns) {
  for (const GemmTile& tile : kTiles) {
    if (tile.n < columns + 16 && tile.declines(device).empty()) return tile;
  }
  return kTiles.back();
}

std::size_t GemmTile::local_bytes() const {
  const std::size_t tiles = to_size(d) * to_size(m + 8 + n + 4), pixels = 4 * to_size(m);
  return sizeof(float) * (tiles + pixels);
}

std::string GemmTile::declines(const DeviceInfo& device) const {
  if (device.max_work_group_size < to_size(items())) {
    return fmt::format("needs work-groups of {} items, the device has {}", items(), device.max_work_group_size);
  }
  if (device.local_memory_bytes < local_bytes()) {
    return fmt::format("needs {} bytes of local memory, the device has {}", local_bytes(), device.local_memory_bytes);
  }
  return {};
}

void GemmTile::define(Defines& defines) const {
  defines.set("TILE_M", m);
  defines.set("TILE_N", n);
  defines.set("TILE_D", d);
  defines.set("ITEM_M", item_m);
  defines.set("ITEM_N", item_n);
}

std::string gemm_declines(const DeviceInfo& device) { return kTiles.back().declines(device); }

GemmConv::GemmConv(const Device& device, const ConvGeometry& g, Direction direction, ViewKind view, bool residual) {
  const bool forward = direction == Direction::forward;
  const int block = device.channel_block(), spread = forward ? 1 : g.stride;
  const ImageShape from = forward ? g.in : g.out(), to = forward ? g.out() : g.in;
  tile_ = GemmTile::choose(device.info(), to.channels);
  Defines defines = gemm_defines(g, direction, block);
  tile_.define(defines);
  view.define(defines);
  defines.set("RESIDUAL", residual ? 1 : 0);
  run_ = device.kernel("conv_gemm.cl", "conv_gemm", defines);
  pixels_ = div_up(to_size(to.height), spread) * div_up(to_size(to.width), spread);
  channels_ = to_size(padded(to.channels, block));
  phases_ = to_size(spread * spread);

  prepare_range_ = {channels_, to_size(from.channels)};
  prepare_ = device.kernel("conv_weights.cl", "pack_weights",
                           {{"CB", channel_block_of(to.channels, block)},
                            {"IN_CHANNELS", from.channels},
                            {"OUT_CHANNELS", to.channels},
                            {"KERNEL_H", g.kernel_h},
                            {"KERNEL_W", g.kernel_w},
                            {"FLIPPED", forward ? 0 : 1}});
  weights_ = device.allocate<float>(to_size(g.kernel_h * g.kernel_w * from.channels) * channels_);
}

void GemmConv::prepare(const Array<float>& weight) { prepare_.run(prepare_range_, weight, weights_); }

void GemmConv::run(int n, const View& in, const Array<float>& residual, const Array<float>& out) {
  const std::size_t items = to_size(tile_.items());
  run_(Range{div_up(to_size(n) * pixels_, tile_.m) * items, div_up(channels_, tile_.n), phases_}, Range{items}, in.data,
       in.scale, in.shift, weights_, residual, out, n);
}

GemmFilter::GemmFilter(const Device& device, const ConvGeometry& g, ViewKind view) {
  const int block = device.channel_block(), taps = g.kernel_h * g.kernel_w;
  const std::size_t rows = to_size(taps) * to_size(padded(g.in.channels, block));
  const std::size_t columns = to_size(padded(g.out_channels, block));
  const GemmTile tile = GemmTile::choose(device.info(), g.out_channels);
  const std::size_t row_groups = div_up(rows, tile.m), column_groups = div_up(columns, tile.n);
  const int slices = filter_slices(row_groups * column_groups);
  Defines defines = gemm_defines(g, Direction::forward, block);
  defines.set("PADDING", g.padding);
  defines.set("SLICES", slices);
  tile.define(defines);
  view.define(defines);
  run_ = device.kernel("conv_filter_gemm.cl", "conv_filter_gemm", defines);
  reduce_ = device.kernel("conv_filter_gemm.cl", "add_slices", defines);
  group_ = {to_size(tile.items())};
  range_ = {row_groups * group_.x, column_groups, to_size(slices)};
  reduce_range_ = {to_size(g.out_channels), to_size(g.in.channels), to_size(taps)};
  workspace_floats_ = to_size(slices) * rows * div_up(columns, 4) * 4;
}

void GemmFilter::run(int n, const View& in, const Array<float>& gradient, const Array<float>& workspace,
                     const Array<float>& weight_gradient) {
  run_(range_, group_, in.data, in.scale, in.shift, gradient, workspace, n);
  reduce_.run(reduce_range_, workspace, weight_gradient);
}

}  // namespace cascadecl::conv
