#include "runtime/ops/conv_grouped.h"

#include <algorithm>

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/conv_sliced.h"
#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

std::string one_group(const ConvGeometry& g) { return g.groups == 1 ? "one group of channels: it is for more" : ""; }

// kernels/conv_grouped.cl
class GroupedKernel {
 public:
  GroupedKernel(const Device& device, const ConvGeometry& g, Turned turned, const ConvFusion& fusion)
      : device_(device) {
    const ImageShape to = turned == Turned::no ? g.out() : g.in;
    const int tile_w = coarse_items(device) ? 8 : 1;
    blocks_ = block_count(to.channels, device.channel_block());
    tiles_ = to.height * div_up(to.width, tile_w);
    Defines defines = turned_defines(g, turned, device.channel_block());
    defines.set("TILE_W", tile_w);
    fusion.view.define(defines);
    defines.set("RESIDUAL", fusion.residual ? 1 : 0);
    defines.set("BIAS", fusion.bias ? 1 : 0);
    run_ = device.kernel("conv_grouped.cl", "conv_grouped", defines);
  }
  void run(int n, const View& in, const Array<float>& weights, const ActivationArray& residual,
           const ActivationArray& out) {
    const int cores = static_cast<int>(device_.info().compute_units);
    const int shares = coarse_items(device_) ? std::clamp(div_up(4 * cores, n * blocks_), 1, tiles_) : tiles_;
    launch(device_, run_, Range{to_size(shares), to_size(blocks_), to_size(n)}, in.data, in.scale, in.shift, weights,
           residual, out);
  }

 private:
  Device device_;
  int blocks_, tiles_;  // channel blocks and tiles of an image that is written
  Kernel run_;
};

class GroupedForward : public Convolution<Forward> {
 public:
  static std::string declines(const Device&, const Forward::Problem& p) {
    return first_of({one_group(p.geometry), p.fusion.statistics ? "takes no statistics" : ""});
  }
  GroupedForward(const Device& device, const Forward::Problem& p, BatchClass)
      : Convolution(Filters(device, FilterLayout::packed(device, FilterShape::of(p.geometry, p.fusion.bias)))),
        kernel_(device, p.geometry, Turned::no, p.fusion) {}
  void run(int n, const Forward::Operands& o) override { kernel_.run(n, o.in, filters.array(), o.residual, o.out); }

 private:
  GroupedKernel kernel_;
};

class GroupedData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device&, const BackwardData::Problem& p) {
    return first_of({one_group(p.geometry), fuses_nothing(p.fusion)});
  }
  GroupedData(const Device& device, const BackwardData::Problem& p, BatchClass)
      : Convolution(Filters(device, FilterLayout::packed(device, FilterShape::turned_of(p.geometry)))),
        kernel_(device, p.geometry, Turned::yes, {}) {}
  void run(int n, const BackwardData::Operands& o) override {
    kernel_.run(n, {o.out_gradient.data, {}, {}}, filters.array(), {}, o.in_gradient);
  }

 private:
  GroupedKernel kernel_;
};

// kernels/conv_filter_grouped.cl
class GroupedFilter : public SlicedFilter {
 public:
  static std::string declines(const Device&, const BackwardFilter::Problem& p) {
    return first_of({one_group(p.geometry), p.deferred ? "reads no deferred gradient" : ""});
  }
  GroupedFilter(const Device& device, const BackwardFilter::Problem& p, BatchClass) {
    const ConvGeometry& g = p.geometry;
    const int slices = coarse_items(device) ? kSlices : 64;  // GPUs want more items
    Defines defines = turned_defines(g, Turned::no, device.channel_block());
    defines.set("PADDING", g.padding);
    defines.set("SLICES", slices);
    p.view.define(defines);
    constexpr std::string_view file = "conv_filter_grouped.cl";
    const std::size_t rows = to_size(g.kernel_h * g.kernel_w * g.group_inputs());
    sum_ = {device.kernel(file, "conv_filter_grouped", defines),
            {rows, to_size(block_count(g.out_channels, device.channel_block())), to_size(slices)},
            coarse_items(device) ? std::optional(Range{}) : std::nullopt};
    add_ = {device.kernel(file, "add_slices", defines), {rows, to_size(g.out_channels)}, {}};
    workspace_floats_ = to_size(slices) * rows * padded(g.out_channels, device);
  }
};

}  // namespace

Implementation<Forward> grouped_forward() {
  return implementation<GroupedForward, Forward>("grouped", for_cpus | for_gpus);
}
Implementation<BackwardData> grouped_data() {
  return implementation<GroupedData, BackwardData>("grouped", for_cpus | for_gpus);
}
Implementation<BackwardFilter> grouped_filter() {
  return implementation<GroupedFilter, BackwardFilter>("grouped", for_cpus | for_gpus);
}

}  // namespace cascadecl::conv
