#include "runtime/ops/conv_direct.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "runtime/ops/conv_sliced.h"
#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {

std::array<Tunable<Direct>, 1> Direct::tunables() { return {{{"TILE_W", &Direct::tile_w}}}; }

Direct Direct::choose(const ConvGeometry&, const TuningTarget&) { return {}; }

std::vector<std::vector<int>> Direct::ranges(const ConvGeometry&, const TuningTarget&) {
  return {{1, 2, 4, 6, 8, 12, 16, 24, 28}};
}

std::string Direct::fault(const ConvGeometry& g, const TuningTarget& target) const {
  const int widest = std::max(Direct().tile_w, g.out().width);
  const std::string fault = first_of({out_of_range("TILE_W", tile_w, 1, widest), too_many_registers(tile_w, 1)});
  return fault.empty() ? too_large(local_bytes(g, target.block), target.local_memory) : fault;
}

std::size_t Direct::local_bytes(const ConvGeometry& g, int block) const {
  const int columns = (div_up(g.out().width, tile_w) * tile_w - 1) * g.stride + g.kernel_w;
  const int channels = block_count(g.in.channels, block) * channel_block_of(g.in.channels, block);
  return sizeof(float) * static_cast<std::size_t>(g.kernel_h * columns * channels);
}

std::string direct_declines(const Device& device, const ConvGeometry& g) {
  if (auto reason = in_groups(g); !reason.empty()) return reason;
  const TuningTarget target = TuningTarget::of(device.info());
  return too_large(Direct::choose(g, target).local_bytes(g, target.block), target.local_memory);
}

std::array<Tunable<FilterDirect>, 2> FilterDirect::tunables() {
  return {{{"C_GROUP", &FilterDirect::c_group}, {"SLICES", &FilterDirect::slices}}};
}

FilterDirect FilterDirect::choose(const ConvGeometry& g, const TuningTarget& target) {
  constexpr int kSums = 27;  // of 32 vector registers
  const int fit = std::max(1, kSums / (g.kernel_h * g.kernel_w)), block = channel_block_of(g.in.channels, target.block);
  if (g.in.channels <= std::min(fit, block)) return {.c_group = g.in.channels};
  return {.c_group = std::min(static_cast<int>(std::bit_floor(static_cast<unsigned>(fit))), block)};
}

std::vector<std::vector<int>> FilterDirect::ranges(const ConvGeometry&, const TuningTarget&) {
  return {{1, 2, 3, 4, 8, 16}, {4, kSlices, 16, 32}};
}

std::string FilterDirect::fault(const ConvGeometry& g, const TuningTarget& target) const {
  const int block = channel_block_of(g.in.channels, target.block);
  const bool whole = c_group == g.in.channels && c_group <= block;  // else groups must not straddle blocks
  std::string fault =
      first_of({out_of_range("C_GROUP", c_group, 1, g.in.channels), whole ? "" : no_divisor("C_GROUP", c_group, block),
                out_of_range("SLICES", slices, 1, kMostSlices)});
  if (!fault.empty()) return fault;
  const std::string registers = c_group == 1 ? "" : too_many_registers(c_group * g.kernel_h * g.kernel_w, 1);
  return first_of({registers, too_large(local_bytes(g, target.block), target.local_memory)});
}

std::size_t FilterDirect::local_bytes(const ConvGeometry& g, int block) const {
  const int columns = (g.out().width - 1) * g.stride + g.kernel_w;
  return sizeof(float) * static_cast<std::size_t>(g.kernel_h * columns * channel_block_of(g.in.channels, block));
}

std::string filter_direct_declines(const Device& device, const ConvGeometry& g) {
  if (auto reason = in_groups(g); !reason.empty()) return reason;
  const TuningTarget target = TuningTarget::of(device.info());
  return too_large(FilterDirect::choose(g, target).local_bytes(g, target.block), target.local_memory);
}

std::array<Tunable<Strided>, 1> Strided::tunables() { return {{{"TILE_W", &Strided::tile_w}}}; }

Strided Strided::choose(const ConvGeometry&, const TuningTarget&) { return {}; }

std::vector<std::vector<int>> Strided::ranges(const ConvGeometry&, const TuningTarget&) { return {{1, 2, 4, 8, 16}}; }

std::string Strided::fault(const ConvGeometry& g, const TuningTarget&) const {
  const int widest = std::max(Strided().tile_w, div_up(g.in.width, g.stride));
  return first_of({out_of_range("TILE_W", tile_w, 1, widest), too_many_registers(tile_w, 1)});
}

namespace {

// Of conv_direct.cl, from images `in` to images `out`.
Defines direct_defines(const Device& device, const ConvGeometry& g, ImageShape in, ImageShape out, int padding_y,
                       int padding_x) {
  return {{"CB", channel_block_of(out.channels, device.channel_block())},
          {"IN_CB", channel_block_of(in.channels, device.channel_block())},
          {"C_CHANNELS", in.channels},
          {"K_BLOCKS", block_count(out.channels, device.channel_block())},
          {"HEIGHT", in.height},
          {"WIDTH", in.width},
          {"OUT_HEIGHT", out.height},
          {"OUT_WIDTH", out.width},
          {"KERNEL_H", g.kernel_h},
          {"KERNEL_W", g.kernel_w},
          {"STRIDE", g.stride},
          {"PADDING_Y", padding_y},
          {"PADDING_X", padding_x}};
}

// Filters of a kernel that computes the gradient by the input.
Filters turned_filters(const Device& device, const ConvGeometry& g) {
  return {device, FilterLayout::packed(device, FilterShape::turned_of(g))};
}

class DirectForward : public Convolution<Forward> {
 public:
  static std::string declines(const Device& device, const Forward::Problem& p) {
    return direct_declines(device, p.geometry);
  }
  static Lookup<Direct, ConvGeometry> lookup(const Device& device, const Forward::Problem& p, BatchClass batch) {
    return conv::lookup<Direct>(device, "forward", p.geometry, batch);
  }
  DirectForward(const Device& device, const Forward::Problem& p, BatchClass batch, const Direct& tunables)
      : Convolution(Filters(device, FilterLayout::packed(device, FilterShape::of(p.geometry, p.fusion.bias)))) {
    const ConvGeometry& g = p.geometry;
    Defines defines = direct_defines(device, g, g.in, g.out(), g.padding, g.padding);
    define(tunables, defines);
    define_fusion(p.fusion, batch, defines);
    run_ = device.kernel("conv_direct.cl", "conv_direct", defines);
  }
  void run(int n, const Forward::Operands& o) override {
    run_(Range{to_size(n)}, Range{}, o.in.data, o.in.scale, o.in.shift, filters.array(), o.residual, o.out, o.moments);
  }

 private:
  Kernel run_;
};

// A convolution by turned filters.
class DirectData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device& device, const BackwardData::Problem& p) {
    const ConvGeometry& g = p.geometry;
    const auto direct = direct_backward_geometry(g);
    if (!direct)
      return fmt::format("{}x{} kernel, stride {}, padding {}: direct is for stride 1 and less padding than kernel",
                         g.kernel_h, g.kernel_w, g.stride, g.padding);
    return first_of({direct_declines(device, *direct), fuses_nothing(p.fusion)});
  }
  static Lookup<Direct, ConvGeometry> lookup(const Device& device, const BackwardData::Problem& p, BatchClass batch) {
    return conv::lookup<Direct>(device, "data", direct_backward_geometry(p.geometry).value(), batch);
  }
  DirectData(const Device& device, const BackwardData::Problem& p, BatchClass, const Direct& tunables)
      : Convolution(turned_filters(device, p.geometry)) {
    const ConvGeometry& g = p.geometry;
    Defines defines = direct_defines(device, g, g.out(), g.in, g.kernel_h - 1 - g.padding, g.kernel_w - 1 - g.padding);
    define(tunables, defines);
    run_ = device.kernel("conv_direct.cl", "conv_direct", defines);
  }
  void run(int n, const BackwardData::Operands& o) override {
    const Array<float> none;
    run_(Range{to_size(n)}, Range{}, o.out_gradient.data, none, none, filters.array(), none, o.in_gradient, none);
  }

 private:
  Kernel run_;
};

class StridedData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device&, const BackwardData::Problem& p) {
    return first_of({in_groups(p.geometry), fuses_nothing(p.fusion)});
  }
  static Lookup<Strided, ConvGeometry> lookup(const Device& device, const BackwardData::Problem& p, BatchClass batch) {
    return conv::lookup<Strided>(device, "data", p.geometry, batch);
  }
  StridedData(const Device& device, const BackwardData::Problem& p, BatchClass, const Strided& tunables)
      : Convolution(turned_filters(device, p.geometry)),
        in_blocks_(to_size(block_count(p.geometry.in.channels, device.channel_block()))) {
    const ConvGeometry& g = p.geometry;
    Defines defines = shape_defines(g);
    defines.set("PADDING", g.padding);
    defines.set("CB", channel_block_of(g.in.channels, device.channel_block()));
    defines.set("OUT_CB", channel_block_of(g.out_channels, device.channel_block()));
    define(tunables, defines);
    run_ = device.kernel("conv_data_strided.cl", "conv_data_strided", defines);
  }
  void run(int n, const BackwardData::Operands& o) override {
    run_(Range{in_blocks_, to_size(n)}, Range{}, o.out_gradient.data, filters.array(), o.in_gradient);
  }

 private:
  std::size_t in_blocks_;
  Kernel run_;
};

class DirectFilter : public SlicedFilter {
 public:
  static std::string declines(const Device& device, const BackwardFilter::Problem& p) {
    if (p.deferred) return "reads no deferred gradient";
    return filter_direct_declines(device, p.geometry);
  }
  static Lookup<FilterDirect, ConvGeometry> lookup(const Device& device, const BackwardFilter::Problem& p,
                                                   BatchClass batch) {
    return conv::lookup<FilterDirect>(device, "filter", p.geometry, batch);
  }
  DirectFilter(const Device& device, const BackwardFilter::Problem& p, BatchClass, const FilterDirect& tunables) {
    const ConvGeometry& g = p.geometry;
    const int block = device.channel_block();
    const std::size_t k_blocks = to_size(block_count(g.out_channels, block)), slices = to_size(tunables.slices);
    Defines defines = shape_defines(g);
    defines.set("PADDING", g.padding);
    defines.set("CB", channel_block_of(g.out_channels, block));
    defines.set("IN_CB", channel_block_of(g.in.channels, block));
    p.view.define(defines);
    define(tunables, defines);
    constexpr std::string_view file = "conv_filter_direct.cl";
    sum_ = {device.kernel(file, "conv_filter_direct", defines),
            {to_size(div_up(g.in.channels, tunables.c_group)), k_blocks, slices},
            Range{}};
    add_ = {device.kernel(file, "add_slices", defines), {to_size(g.in.channels), k_blocks}, Range{}};
    workspace_floats_ = slices * padded(g.out_channels, device) * to_size(g.in.channels * g.kernel_h * g.kernel_w);
  }
};

}  // namespace

Implementation<Forward> direct_forward() { return implementation<DirectForward, Forward>("direct", for_cpus); }
Implementation<BackwardData> direct_data() { return implementation<DirectData, BackwardData>("direct", for_cpus); }
Implementation<BackwardData> strided_data() { return implementation<StridedData, BackwardData>("strided", for_cpus); }
Implementation<BackwardFilter> direct_filter() {
  return implementation<DirectFilter, BackwardFilter>("direct", for_cpus);
}

}  // namespace cascadecl::conv
