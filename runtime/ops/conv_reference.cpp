#include "runtime/ops/conv_reference.h"

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

Defines reference_defines(const Device& device, const ConvGeometry& g) {
  Defines defines = shape_defines(g);
  defines.set("PADDING", g.padding);
  defines.set("CB", channel_block_of(g.out_channels, device.channel_block()));
  defines.set("IN_CB", channel_block_of(g.in.channels, device.channel_block()));
  return defines;
}

std::size_t pixels(ImageShape shape) { return to_size(shape.height * shape.width); }

class ReferenceForward : public Convolution<Forward> {
 public:
  static std::string declines(const Device&, const Forward::Problem& p) {
    return p.fusion.statistics ? "takes no statistics" : "";
  }
  ReferenceForward(const Device& device, const Forward::Problem& p, BatchClass)
      : pixels_(pixels(p.geometry.out())), channels_(padded(p.geometry.out_channels, device)) {
    Defines defines = reference_defines(device, p.geometry);
    p.fusion.view.define(defines);
    defines.set("RESIDUAL", p.fusion.residual ? 1 : 0);
    if (p.fusion.bias) defines.set("BIAS", 1);
    run_ = device.kernel("conv_reference.cl", "conv_forward", defines);
  }
  void run(int n, const Forward::Operands& o) override {
    run_.run(Range{pixels_, channels_, to_size(n)}, o.in.data, o.in.scale, o.in.shift, filters.array(), filters.bias(),
             o.residual, o.out);
  }

 private:
  std::size_t pixels_, channels_;
  Kernel run_;
};

class ReferenceData : public Convolution<BackwardData> {
 public:
  static std::string declines(const Device&, const BackwardData::Problem& p) { return fuses_nothing(p.fusion); }
  ReferenceData(const Device& device, const BackwardData::Problem& p, BatchClass)
      : pixels_(pixels(p.geometry.in)), channels_(padded(p.geometry.in.channels, device)) {
    run_ = device.kernel("conv_reference.cl", "conv_backward_data", reference_defines(device, p.geometry));
  }
  void run(int n, const BackwardData::Operands& o) override {
    run_.run(Range{pixels_, channels_, to_size(n)}, o.out_gradient.data, filters.array(), o.in_gradient);
  }

 private:
  std::size_t pixels_, channels_;
  Kernel run_;
};

class ReferenceFilter : public Convolution<BackwardFilter> {
 public:
  static std::string declines(const Device&, const BackwardFilter::Problem& p) {
    return p.deferred ? "reads no deferred gradient" : "";
  }
  ReferenceFilter(const Device& device, const BackwardFilter::Problem& p, BatchClass)
      : range_{to_size(p.geometry.kernel_h * p.geometry.kernel_w), to_size(p.geometry.group_inputs()),
               to_size(p.geometry.out_channels)} {
    Defines defines = reference_defines(device, p.geometry);
    p.view.define(defines);
    run_ = device.kernel("conv_reference.cl", "conv_backward_filter", defines);
  }
  void run(int n, const BackwardFilter::Operands& o) override {
    run_.run(range_, o.in.data, o.in.scale, o.in.shift, o.out_gradient.data, o.weight_gradient, n);
  }

 private:
  Range range_;
  Kernel run_;
};

}  // namespace

Implementation<Forward> reference_forward() { return implementation<ReferenceForward, Forward>("reference", for_all); }
Implementation<BackwardData> reference_data() {
  return implementation<ReferenceData, BackwardData>("reference", for_all);
}
Implementation<BackwardFilter> reference_filter() {
  return implementation<ReferenceFilter, BackwardFilter>("reference", for_all);
}

}  // namespace cascadecl::conv
