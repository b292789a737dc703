#include "runtime/ops/conv_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/conv_sliced.h"
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
  std::erase_if(widths, [&](int width) { return width >= columns + 16; });
  return {{32, 64, 128}, widths, {16, 32}, {2, 4, 8}, {4, 8}};
}

std::string GemmTile::fault(int, const TuningTarget& target) const {
  constexpr int largest = 256, deepest = 64, most_sums = 64;  // of a work-item, in registers
  std::string shape = first_of(
      {out_of_range("TILE_M", m, 32, largest), no_multiple("TILE_M", m, 32), out_of_range("TILE_N", n, 16, largest),
       no_multiple("TILE_N", n, 16), out_of_range("TILE_D", d, 16, deepest), no_multiple("TILE_D", d, 16),
       no_divisor("ITEM_M", item_m, m), no_divisor("ITEM_N", item_n, n), no_multiple("ITEM_N", item_n, 4)});
  if (!shape.empty()) return shape;
  std::string sums = out_of_range("ITEM_M * ITEM_N", item_m * item_n, 1, most_sums);
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

namespace {

// kernels/conv_gemm.cl. The gradient by the input is the same product on turned filters; with a stride, one product for
// each of the positions that the input's pixels take between those of the output.
class Product {
 public:
  Product(const Device& device, const ConvGeometry& g, Turned turned, const GemmTile& tile, const ConvFusion& fusion)
      : tile_(tile) {
    const ImageShape to = turned == Turned::no ? g.out() : g.in;
    const int block = device.channel_block(), spread = turned == Turned::no ? 1 : g.stride;
    Defines defines = turned_defines(g, turned, block);
    define(tile, defines);
    fusion.view.define(defines);
    defines.set("RESIDUAL", fusion.residual ? 1 : 0);
    if (fusion.bias) defines.set("BIAS", 1);
    run_ = device.kernel("conv_gemm.cl", "conv_gemm", defines);
    pixels_ = div_up(to_size(to.height), spread) * div_up(to_size(to.width), spread);
    channels_ = to_size(padded(to.channels, block));
    phases_ = to_size(spread * spread);
  }
  void run(int n, const View& in, const Array<float>& weights, const ActivationArray& residual,
           const ActivationArray& out) {
    const std::size_t items = to_size(tile_.items());
    run_(Range{div_up(to_size(n) * pixels_, tile_.m) * items, div_up(channels_, tile_.n), phases_}, Range{items},
         in.data, in.scale, in.shift, weights, residual, out, n);
  }

 private:
  GemmTile tile_;
  Kernel run_;
  std::size_t pixels_ = 0, channels_ = 0, phases_ = 0;  // pixels of an image and phase; channels written, padded
};

class GemmForward : public Convolution<Forward> {
 public:
  static std::string declines(const Device& device, const Forward::Problem& p) {
    return first_of(
        {gemm_declines(device.info()), in_groups(p.geometry), p.fusion.statistics ? "takes no statistics" : ""});
  }
  static Lookup<GemmTile, int> lookup(const Device& device, const Forward::Problem& p, BatchClass batch) {
    return {tuning_key(GemmTile::kernel, "forward", p.geometry, device.channel_block(), batch),
            p.geometry.out_channels};
  }
  GemmForward(const Device& device, const Forward::Problem& p, BatchClass, const GemmTile& tile)
      : Convolution(Filters(device, FilterLayout::packed(device, FilterShape::of(p.geometry, p.fusion.bias)))),
        product_(device, p.geometry, Turned::no, tile, p.fusion) {}
  void run(int n, const Forward::Operands& o) override { product_.run(n, o.in, filters.array(), o.residual, o.out); }

 private:
  Product product_;
};

class GemmData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device& device, const BackwardData::Problem& p) {
    return first_of({gemm_declines(device.info()), in_groups(p.geometry), fuses_nothing(p.fusion)});
  }
  // By the geometry of the convolution.
  static Lookup<GemmTile, int> lookup(const Device& device, const BackwardData::Problem& p, BatchClass batch) {
    return {tuning_key(GemmTile::kernel, "data", p.geometry, device.channel_block(), batch), p.geometry.in.channels};
  }
  GemmData(const Device& device, const BackwardData::Problem& p, BatchClass, const GemmTile& tile)
      : Convolution(Filters(device, FilterLayout::packed(device, FilterShape::turned_of(p.geometry)))),
        product_(device, p.geometry, Turned::yes, tile, {}) {}
  void run(int n, const BackwardData::Operands& o) override {
    product_.run(n, {o.out_gradient.data, {}, {}}, filters.array(), {}, o.in_gradient);
  }

 private:
  Product product_;
};

// kernels/conv_filter_gemm.cl
class GemmFilter : public SlicedFilter {
 public:
  static std::string declines(const Device& device, const BackwardFilter::Problem& p) {
    return first_of(
        {gemm_declines(device.info()), in_groups(p.geometry), p.deferred ? "reads no deferred gradient" : ""});
  }
  static Lookup<GemmFilterTile, ConvGeometry> lookup(const Device& device, const BackwardFilter::Problem& p,
                                                     BatchClass batch) {
    return conv::lookup<GemmFilterTile>(device, "filter", p.geometry, batch);
  }
  GemmFilter(const Device& device, const BackwardFilter::Problem& p, BatchClass, const GemmFilterTile& tile) {
    const ConvGeometry& g = p.geometry;
    const FilterProduct product(g, device.channel_block());
    Defines defines = turned_defines(g, Turned::no, device.channel_block());
    defines.set("PADDING", g.padding);
    define(tile, defines);
    p.view.define(defines);
    constexpr std::string_view file = "conv_filter_gemm.cl";
    const Range group{to_size(tile.items())};
    sum_ = {device.kernel(file, "conv_filter_gemm", defines),
            {div_up(product.rows, tile.m) * group.x, div_up(product.columns, tile.n), to_size(tile.slices)},
            group};
    add_ = {device.kernel(file, "add_slices", defines),
            {to_size(g.out_channels), to_size(g.in.channels), to_size(g.kernel_h * g.kernel_w)},
            {}};
    workspace_floats_ = to_size(tile.slices) * product.rows * div_up(product.columns, 4) * 4;
  }
};

}  // namespace

Implementation<Forward> gemm_forward() { return implementation<GemmForward, Forward>("gemm", for_gpus); }
Implementation<BackwardData> gemm_data() { return implementation<GemmData, BackwardData>("gemm", for_gpus); }
Implementation<BackwardFilter> gemm_filter() { return implementation<GemmFilter, BackwardFilter>("gemm", for_gpus); }

}  // namespace cascadecl::conv
