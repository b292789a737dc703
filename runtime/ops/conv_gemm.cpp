#include "runtime/ops/conv_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/faults.h"
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

int padded(int channels, int block) { return block_count(channels, block) * channel_block_of(channels, block); }

// Independent sums over images in the filter gradient: enough work-groups to fill a large GPU, few enough that adding
// them up costs little. Of the geometry alone, so that the bits are those of the geometry.
int filter_slices(std::size_t groups) {
  constexpr std::size_t kGroups = 512, kMost = 64;
  return static_cast<int>(std::clamp<std::size_t>(kGroups / groups, 1, kMost));
}

// The product that is the filter gradient.
struct FilterProduct {
  FilterProduct(const ConvGeometry& g, int block)
      : rows(to_size(g.kernel_h * g.kernel_w) * to_size(padded(g.in.channels, block))),
        columns(to_size(padded(g.out_channels, block))) {}
  std::size_t rows, columns;
};

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

std::array<Tunable<GemmTile>, 5> GemmTile::tunables() {
  return {{{"TILE_M", &GemmTile::m},
           {"TILE_N", &GemmTile::n},
           {"TILE_D", &GemmTile::d},
           {"ITEM_M", &GemmTile::item_m},
           {"ITEM_N", &GemmTile::item_n}}};
}

GemmTile GemmTile::choose(int columns, const TuningTarget& target) {
  for (const GemmTile& tile : kTiles) {
    if (tile.n < columns + 16 && tile.fault(columns, target).empty()) return tile;
  }
  return kTiles.back();
}

std::vector<std::vector<int>> GemmTile::ranges(int columns, const TuningTarget&) {
  std::vector<int> widths = {16, 32, 64, 128};
  std::erase_if(widths, [&](int n) { return n >= columns + 16; });
  return {{32, 64, 128}, widths, {16, 32}, {2, 4, 8}, {4, 8}};
}

std::string GemmTile::fault(int, const TuningTarget& target) const {
  constexpr int largest = 256, deepest = 64, most_sums = 64;  // of a work-item, in registers
  const std::string shape = first_of(
      {out_of_range("TILE_M", m, 32, largest), no_multiple("TILE_M", m, 32), out_of_range("TILE_N", n, 16, largest),
       no_multiple("TILE_N", n, 16), out_of_range("TILE_D", d, 16, deepest), no_multiple("TILE_D", d, 16),
       no_divisor("ITEM_M", item_m, m), no_divisor("ITEM_N", item_n, n), no_multiple("ITEM_N", item_n, 4)});
  if (!shape.empty()) return shape;
  const std::string sums = out_of_range("ITEM_M * ITEM_N", item_m * item_n, 1, most_sums);
  if (!sums.empty()) return sums;
  if (target.work_group < to_size(items()))
    return fmt::format("needs work-groups of {} items, the device has {}", items(), target.work_group);
  return too_large(local_bytes(), target.local_memory);
}

std::size_t GemmTile::local_bytes() const {
  const std::size_t tiles = to_size(d) * to_size(m + 8 + n + 4), pixels = 4 * to_size(m);
  return sizeof(float) * (tiles + pixels);
}

std::array<Tunable<GemmFilterTile>, 6> GemmFilterTile::tunables() {
  return {{{"TILE_M", &GemmFilterTile::m},
           {"TILE_N", &GemmFilterTile::n},
           {"TILE_D", &GemmFilterTile::d},
           {"ITEM_M", &GemmFilterTile::item_m},
           {"ITEM_N", &GemmFilterTile::item_n},
           {"SLICES", &GemmFilterTile::slices}}};
}

GemmFilterTile GemmFilterTile::choose(const ConvGeometry& g, const TuningTarget& target) {
  const GemmTile tile = GemmTile::choose(g.out_channels, target);
  const FilterProduct product(g, target.block);
  return {tile, filter_slices(div_up(product.rows, tile.m) * div_up(product.columns, tile.n))};
}

std::vector<std::vector<int>> GemmFilterTile::ranges(const ConvGeometry& g, const TuningTarget& target) {
  std::vector<std::vector<int>> ranges = GemmTile::ranges(g.out_channels, target);
  ranges.push_back({8, 16, 32, 64, 128});
  return ranges;
}

std::string GemmFilterTile::fault(const ConvGeometry& g, const TuningTarget& target) const {
  return first_of({GemmTile::fault(g.out_channels, target), out_of_range("SLICES", slices, 1, 256)});
}

std::string gemm_declines(const DeviceInfo& device) {
  return kTiles.back().fault(kTiles.back().n, TuningTarget::of(device));
}

TuningKey gemm_key(const ConvGeometry& g, Direction direction, int block, BatchClass batch) {
  return tuning_key(GemmTile::kernel, direction == Direction::forward ? "forward" : "data", g, block, batch);
}

GemmConv::GemmConv(const Device& device, const ConvGeometry& g, Direction direction, ViewKind view, bool residual,
                   BatchClass batch, VariantChoice& choice) {
  const bool forward = direction == Direction::forward;
  const int block = device.channel_block(), spread = forward ? 1 : g.stride;
  const ImageShape from = forward ? g.in : g.out(), to = forward ? g.out() : g.in;
  tile_ = cascadecl::look_up<GemmTile>(device, gemm_key(g, direction, block, batch), to.channels, choice);
  Defines defines = gemm_defines(g, direction, block);
  define(tile_, defines);
  view.define(defines);
  defines.set("RESIDUAL", residual ? 1 : 0);
  run_ = device.kernel("conv_gemm.cl", "conv_gemm", defines);
  pixels_ = div_up(to_size(to.height), spread) * div_up(to_size(to.width), spread);
  channels_ = to_size(padded(to.channels, block));
  phases_ = to_size(spread * spread);

  prepare_range_ = {channels_, to_size(from.channels)};
  prepare_ = device.kernel("conv_weights.cl", "pack_weights",
                           weight_defines(device, from.channels, to.channels, g.kernel_h, g.kernel_w, !forward));
  weights_ = device.allocate<float>(to_size(g.kernel_h * g.kernel_w * from.channels) * channels_);
}

void GemmConv::prepare(const Array<float>& weight) { prepare_.run(prepare_range_, weight, weights_); }

void GemmConv::run(int n, const View& in, const Activation& residual, const Activation& out) {
  const std::size_t items = to_size(tile_.items());
  run_(Range{div_up(to_size(n) * pixels_, tile_.m) * items, div_up(channels_, tile_.n), phases_}, Range{items}, in.data,
       in.scale, in.shift, weights_, residual, out, n);
}

GemmFilter::GemmFilter(const Device& device, const ConvGeometry& g, ViewKind view, BatchClass batch,
                       VariantChoice& choice) {
  const int block = device.channel_block(), taps = g.kernel_h * g.kernel_w;
  const FilterProduct product(g, block);
  const auto tile = look_up<GemmFilterTile>(device, "filter", g, batch, choice);
  Defines defines = gemm_defines(g, Direction::forward, block);
  defines.set("PADDING", g.padding);
  define(tile, defines);
  view.define(defines);
  run_ = device.kernel("conv_filter_gemm.cl", "conv_filter_gemm", defines);
  reduce_ = device.kernel("conv_filter_gemm.cl", "add_slices", defines);
  group_ = {to_size(tile.items())};
  range_ = {div_up(product.rows, tile.m) * group_.x, div_up(product.columns, tile.n), to_size(tile.slices)};
  reduce_range_ = {to_size(g.out_channels), to_size(g.in.channels), to_size(taps)};
  workspace_floats_ = to_size(tile.slices) * product.rows * div_up(product.columns, 4) * 4;
}

void GemmFilter::run(int n, const View& in, const Array<float>& gradient, const Array<float>& workspace,
                     const Array<float>& weight_gradient) {
  run_(range_, group_, in.data, in.scale, in.shift, gradient, workspace, n);
  reduce_.run(reduce_range_, workspace, weight_gradient);
}

}  // namespace cascadecl::conv
