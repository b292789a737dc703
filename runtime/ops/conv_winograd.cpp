#include "runtime/ops/conv_winograd.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/conv_sliced.h"
#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

int largest_divisor(int value, std::initializer_list<int> candidates) {
  for (int c : candidates) {
    if (value % c == 0) return c;
  }
  return 1;
}

bool is_3x3(const ConvGeometry& g) { return g.kernel_h == 3 && g.kernel_w == 3 && g.stride == 1 && g.padding == 1; }

std::string not_3x3_in_blocks(const Device& device, const ConvGeometry& g) {
  const int block = device.channel_block();
  if (auto reason = in_groups(g); !reason.empty()) return reason;
  if (!is_3x3(g))
    return fmt::format("{}x{} kernel, stride {}, padding {}: winograd is for 3x3, 1, 1", g.kernel_h, g.kernel_w,
                       g.stride, g.padding);
  if (channel_block_of(g.in.channels, block) != block || channel_block_of(g.out_channels, block) != block) {
    return fmt::format("{} to {} channels: winograd needs at least a block of {}", g.in.channels, g.out_channels,
                       block);
  }
  return {};
}

// 1, 2, 4, ... below `most`, and `most` itself.
std::vector<int> doublings(int most) {
  std::vector<int> values;
  for (int v = 1; v < most; v *= 2) values.push_back(v);
  values.push_back(most);
  return values;
}

// Of both kernels; what follows from the geometry alone.
Defines shared_defines(const ConvGeometry& g, int block) {
  return {{"CB", block},
          {"C_CHANNELS", g.in.channels},
          {"C_BLOCKS", div_up(g.in.channels, block)},
          {"K_BLOCKS", div_up(g.out_channels, block)},
          {"HEIGHT", g.in.height},
          {"WIDTH", g.in.width}};
}

// Of a kernel with these tunables.
template <class Tunables>
std::string declines(const Device& device, const ConvGeometry& g) {
  if (auto reason = not_3x3_in_blocks(device, g); !reason.empty()) return reason;
  const TuningTarget target = TuningTarget::of(device.info());
  return too_large(Tunables::choose(g, target).local_bytes(g, target.block), target.local_memory);
}

int tiles_across(const ConvGeometry& g) { return div_up(g.in.width, 4); }
int tiles_down(const ConvGeometry& g) { return div_up(g.in.height, 4); }

}  // namespace

Winograd Winograd::choose(const ConvGeometry& g, const TuningTarget& target) {
  const int block = target.block;
  Winograd w;
  const int k_blocks = div_up(g.out_channels, block), tiles_x = div_up(g.in.width, 4), tiles_y = div_up(g.in.height, 4);
  w.k_group = largest_divisor(k_blocks, {4, 2, 1});
  w.tile_group = w.k_group == 4 ? 4 : 8;
  w.tile_rows = std::clamp(w.tile_group / tiles_x, 1, tiles_y);
  w.tile_group = std::min(w.tile_group, w.tile_rows * tiles_x);
  return w;
}

std::array<Tunable<Winograd>, 3> Winograd::tunables() {
  return {
      {{"TILE_ROWS", &Winograd::tile_rows}, {"TILE_GROUP", &Winograd::tile_group}, {"K_GROUP", &Winograd::k_group}}};
}

std::vector<std::vector<int>> Winograd::ranges(const ConvGeometry& g, const TuningTarget& target) {
  return {doublings(tiles_down(g)),
          {1, 2, 3, 4, 6, 8, 10, 12, 14, 16},
          doublings(std::min(4, div_up(g.out_channels, target.block)))};
}

std::string Winograd::fault(const ConvGeometry& g, const TuningTarget& target) const {
  std::string fault = first_of({out_of_range("TILE_ROWS", tile_rows, 1, tiles_down(g)),
                                no_divisor("K_GROUP", k_group, div_up(g.out_channels, target.block))});
  if (fault.empty()) fault = out_of_range("TILE_GROUP", tile_group, 1, tile_rows * tiles_across(g));
  if (!fault.empty()) return fault;
  return first_of({too_many_registers(tile_group * k_group, k_group),
                   too_large(local_bytes(g, target.block), target.local_memory)});
}

std::size_t Winograd::local_bytes(const ConvGeometry& g, int block) const {
  const int c = div_up(g.in.channels, block) * block, k = div_up(g.out_channels, block) * block;
  const int tiles_x = div_up(g.in.width, 4), slots = div_up(tile_rows * tiles_x, tile_group) * tile_group;
  const bool in_place = c == k && k_group * block == k;
  const auto frequencies = [&](int channels) {  // FREQUENCY_STEP of winograd_product.h
    return 36 * (slots * channels + (slots * channels % 256 == 0 ? block : 0));
  };
  const int rows = (4 * tile_rows + 2) * (4 * tiles_x + 2) * block;
  return sizeof(float) * to_size(rows + frequencies(c) + (in_place ? 0 : frequencies(k)));
}

int Winograd::strips(const ConvGeometry& g) const { return div_up(tiles_down(g), tile_rows); }

Defines Winograd::defines(const ConvGeometry& g, int block) const {
  Defines defines = shared_defines(g, block);
  define(*this, defines);
  return defines;
}

std::string winograd_declines(const Device& device, const ConvGeometry& g) { return declines<Winograd>(device, g); }

FilterWinograd FilterWinograd::choose(const ConvGeometry& g, const TuningTarget& target) {
  const int block = target.block;
  FilterWinograd w;
  const int k_blocks = div_up(g.out_channels, block), tiles_x = div_up(g.in.width, 4), tiles_y = div_up(g.in.height, 4);
  constexpr int kTiles = 16;  // enough that loading and storing the sums does not dominate
  w.tile_rows = std::clamp(kTiles / tiles_x, 1, tiles_y);
  w.image_group = w.tile_rows == tiles_y ? std::clamp(kTiles / (tiles_x * tiles_y), 1, 4) : 1;
  w.k_group = largest_divisor(k_blocks, {2, 1});
  w.c_group = std::min(block, w.k_group == 2 ? 8 : 16);
  for (const int blocks : {4, 2}) {  // the gradients are transformed once for all of them
    w.item_blocks = blocks;
    if (div_up(g.in.channels, block) % blocks == 0 && w.local_bytes(g, block) <= target.local_memory) return w;
  }
  w.item_blocks = 1;
  return w;
}

std::array<Tunable<FilterWinograd>, 6> FilterWinograd::tunables() {
  return {{{"TILE_ROWS", &FilterWinograd::tile_rows},
           {"IMAGE_GROUP", &FilterWinograd::image_group},
           {"C_GROUP", &FilterWinograd::c_group},
           {"K_GROUP", &FilterWinograd::k_group},
           {"ITEM_BLOCKS", &FilterWinograd::item_blocks},
           {"SLICES", &FilterWinograd::slices}}};
}

std::vector<std::vector<int>> FilterWinograd::ranges(const ConvGeometry& g, const TuningTarget& target) {
  return {
      doublings(tiles_down(g)), {1, 2, 4}, {target.block / 4, target.block / 2, target.block}, {1, 2, 3, 4}, {1, 2, 4},
      {4, kSlices, 16, 32}};
}

std::string FilterWinograd::fault(const ConvGeometry& g, const TuningTarget& target) const {
  std::string fault = first_of({out_of_range("TILE_ROWS", tile_rows, 1, tiles_down(g)),
                                out_of_range("IMAGE_GROUP", image_group, 1, tile_rows == tiles_down(g) ? 16 : 1),
                                no_divisor("C_GROUP", c_group, target.block),
                                no_divisor("K_GROUP", k_group, div_up(g.out_channels, target.block)),
                                no_divisor("ITEM_BLOCKS", item_blocks, div_up(g.in.channels, target.block)),
                                out_of_range("SLICES", slices, 1, kMostSlices)});
  if (!fault.empty()) return fault;
  return first_of(
      {too_many_registers(c_group * k_group, k_group), too_large(local_bytes(g, target.block), target.local_memory)});
}

std::size_t FilterWinograd::local_bytes(const ConvGeometry& g, int block) const {
  const int k = div_up(g.out_channels, block) * block, tiles_x = div_up(g.in.width, 4);
  const int tiles = image_group * tile_rows * tiles_x;
  return sizeof(float) * ((4u * tile_rows + 2) * (4 * tiles_x + 2) * block + 36u * tiles * (item_blocks * block + k));
}

Defines FilterWinograd::defines(const ConvGeometry& g, int block) const {
  Defines defines = shared_defines(g, block);
  defines.set("K_CHANNELS", g.out_channels);
  define(*this, defines);
  return defines;
}

std::string filter_winograd_declines(const Device& device, const ConvGeometry& g) {
  return declines<FilterWinograd>(device, g);
}

namespace {

class WinogradForward : public Convolution<Forward> {
 public:
  static std::string declines(const Device& device, const Forward::Problem& p) {
    return winograd_declines(device, p.geometry);
  }
  static Lookup<Winograd, ConvGeometry> lookup(const Device& device, const Forward::Problem& p, BatchClass batch) {
    return conv::lookup<Winograd>(device, "forward", p.geometry, batch);
  }
  WinogradForward(const Device& device, const Forward::Problem& p, BatchClass batch, const Winograd& tunables)
      : Convolution(Filters(device, FilterLayout::winograd(device, FilterShape::of(p.geometry, p.fusion.bias)))),
        cores_(static_cast<int>(device.info().compute_units)),
        most_shares_(p.fusion.statistics ? 1 : tunables.strips(p.geometry)) {
    Defines defines = tunables.defines(p.geometry, device.channel_block());
    define_fusion(p.fusion, batch, defines);
    run_ = device.kernel("conv_winograd.cl", "conv_winograd", defines);
  }
  void run(int n, const Forward::Operands& o) override {
    const Array<float> none;
    const Range global{to_size(std::clamp(cores_ / n, 1, most_shares_)), to_size(n)};
    run_(global, Range{}, o.in.data, o.in.scale, o.in.shift, none, none, filters.array(), o.residual, o.out, o.moments,
         none, none, none, none);
  }

 private:
  int cores_, most_shares_;  // an image's strips may be shared out over so many work-items
  Kernel run_;
};

class WinogradData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device& device, const BackwardData::Problem& p) {
    return winograd_declines(device, backward_geometry(p.geometry));
  }
  static Lookup<Winograd, ConvGeometry> lookup(const Device& device, const BackwardData::Problem& p, BatchClass batch) {
    return conv::lookup<Winograd>(device, "data", backward_geometry(p.geometry), batch);
  }
  WinogradData(const Device& device, const BackwardData::Problem& p, BatchClass batch, const Winograd& tunables)
      : Convolution(Filters(device, FilterLayout::winograd(device, FilterShape::turned_of(p.geometry)))) {
    Defines defines = tunables.defines(backward_geometry(p.geometry), device.channel_block());
    defines.set("INPUT_DEFERRED", p.fusion.deferred ? 1 : 0);
    defines.set("MASK", static_cast<int>(p.fusion.mask));
    defines.set("RESIDUAL", p.fusion.residual ? 1 : 0);
    if (batch == BatchClass::many) defines.set("STREAM", 2);
    run_ = device.kernel("conv_winograd.cl", "conv_winograd", defines);
  }
  void run(int n, const BackwardData::Operands& o) override {
    const Gradient& out = o.out_gradient;
    run_(Range{1, to_size(n)}, Range{}, out.data, out.scale, out.shift, out.norm_input, out.norm_input_scale,
         filters.array(), o.residual, o.in_gradient, o.mask.sums, o.mask.tensor, o.mask.scale, o.mask.shift,
         o.mask.mean);
  }

 private:
  Kernel run_;
};

class WinogradFilter : public SlicedFilter {
 public:
  static std::string declines(const Device& device, const BackwardFilter::Problem& p) {
    return filter_winograd_declines(device, p.geometry);
  }
  static Lookup<FilterWinograd, ConvGeometry> lookup(const Device& device, const BackwardFilter::Problem& p,
                                                     BatchClass batch) {
    return conv::lookup<FilterWinograd>(device, "filter", p.geometry, batch);
  }
  WinogradFilter(const Device& device, const BackwardFilter::Problem& p, BatchClass, const FilterWinograd& tunables) {
    const ConvGeometry& g = p.geometry;
    const int block = device.channel_block();
    const auto slices = to_size(tunables.slices);
    Defines defines = tunables.defines(g, block);
    p.view.define(defines);
    defines.set("GRADIENT_DEFERRED", p.deferred ? 1 : 0);
    constexpr std::string_view file = "conv_filter_winograd.cl";
    sum_ = {device.kernel(file, "conv_filter_winograd", defines),
            {to_size(block_count(g.in.channels, block) / tunables.item_blocks), slices},
            Range{}};
    add_ = {device.kernel(file, "filter_gradient", defines),
            {to_size(g.in.channels), to_size(block_count(g.out_channels, block))},
            Range{}};
    workspace_floats_ = slices * padded(g.in.channels, device) * 36 * padded(g.out_channels, device);
  }
  void run(int n, const BackwardFilter::Operands& o) override {
    const Gradient& out = o.out_gradient;
    sum_(o.in.data, o.in.scale, o.in.shift, out.data, out.scale, out.shift, out.norm_input, out.norm_input_scale,
         o.workspace, n);
    add_(o.workspace, o.weight_gradient);
  }
};

}  // namespace

Implementation<Forward> winograd_forward() { return implementation<WinogradForward, Forward>("winograd", for_cpus); }
Implementation<BackwardData> winograd_data() {
  return implementation<WinogradData, BackwardData>("winograd", for_cpus);
}
Implementation<BackwardFilter> winograd_filter() {
  return implementation<WinogradFilter, BackwardFilter>("winograd", for_cpus);
}

}  // namespace cascadecl::conv
