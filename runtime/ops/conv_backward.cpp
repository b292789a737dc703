#include "runtime/ops/conv_backward.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// The tunables that the filter gradient alone has, as the kernel for it knows them.
conv::FilterWinograd filter_part(const BackwardTunables& t) {
  return {.tile_rows = t.tile_rows, .c_group = t.filter_c_group, .k_group = t.filter_k_group, .slices = t.slices};
}

}  // namespace

std::array<Tunable<BackwardTunables>, 6> BackwardTunables::tunables() {
  return {{{"TILE_ROWS", &BackwardTunables::tile_rows},
           {"TILE_GROUP", &BackwardTunables::tile_group},
           {"K_GROUP", &BackwardTunables::k_group},
           {"FILTER_C_GROUP", &BackwardTunables::filter_c_group},
           {"FILTER_K_GROUP", &BackwardTunables::filter_k_group},
           {"SLICES", &BackwardTunables::slices}}};
}

BackwardTunables BackwardTunables::choose(const ConvGeometry& g, const TuningTarget& target) {
  const auto filter = conv::FilterWinograd::choose(g, target);
  BackwardTunables t{conv::Winograd::choose(conv::backward_geometry(g), target), filter.c_group, filter.k_group,
                     filter.slices};
  t.tile_rows = filter.tile_rows;
  t.tile_group = std::min(t.k_group == 1 ? 8 : 4, t.tile_rows * ((g.in.width + 3) / 4));
  return t;
}

std::vector<std::vector<int>> BackwardTunables::ranges(const ConvGeometry& g, const TuningTarget& target) {
  std::vector<std::vector<int>> ranges = conv::Winograd::ranges(conv::backward_geometry(g), target);
  const std::vector<std::vector<int>> filter = conv::FilterWinograd::ranges(g, target);
  enum { at_c_group = 2, at_k_group = 3, at_slices = 5 };  // in the order of its tunables
  for (const int tunable : {at_c_group, at_k_group, at_slices}) ranges.push_back(filter[to_size(tunable)]);
  return ranges;
}

std::string BackwardTunables::fault(const ConvGeometry& g, const TuningTarget& target) const {
  const std::string fault =
      first_of({conv::Winograd::fault(conv::backward_geometry(g), target), filter_part(*this).fault(g, target)});
  return fault.empty() ? too_large(local_bytes(g, target.block), target.local_memory) : fault;
}

std::size_t BackwardTunables::local_bytes(const ConvGeometry& g, int block) const {
  const std::size_t tiles = to_size(tile_rows * ((g.in.width + 3) / 4));
  const std::size_t gradients = 36 * tiles * to_size(block_count(g.out_channels, block) * block) * sizeof(float);
  // The frequencies also hold the input's, of which there may be more.
  const int more = std::max(0, block_count(g.in.channels, block) - block_count(g.out_channels, block)) * block;
  const std::size_t slots = tiles + to_size(tile_group);
  return conv::Winograd::local_bytes(conv::backward_geometry(g), block) + gradients +
         36 * slots * to_size(more) * sizeof(float);
}

std::string ConvBackward::declines(const Device& device, const ConvGeometry& g, ViewKind view, KernelClass kernels) {
  if (view.activation != ActivationFunction::relu()) return "no ReLU before the convolution";
  if (std::string reason =
          first_of({conv::not_cpu_class(device, kernels), conv::winograd_declines(device, conv::backward_geometry(g)),
                    conv::filter_winograd_declines(device, g)});
      !reason.empty())
    return reason;
  const TuningTarget target = TuningTarget::of(device.info());
  const BackwardTunables tunables = BackwardTunables::choose(g, target);
  if (static_cast<int>(device.info().compute_units) > tunables.slices)
    return fmt::format("{} slices of the images do not fill {} cores", tunables.slices, device.info().compute_units);
  return too_large(tunables.local_bytes(g, target.block), target.local_memory);
}

Lookup<BackwardTunables, ConvGeometry> ConvBackward::lookup(const Device& device, const ConvGeometry& g,
                                                            BatchClass batch) {
  return conv::lookup<BackwardTunables>(device, "both", g, batch);
}

ConvBackward::ConvBackward(const Device& device, const ConvGeometry& g, const Fusion& fusion, BatchClass batch)
    : choice_{.variant = "winograd"} {
  const int block = device.channel_block();
  const auto tunables = look_up(device, lookup(device, g, batch), choice_);
  const std::size_t in_padded = to_size(block_count(g.in.channels, block) * block);
  const std::size_t out_padded = to_size(block_count(g.out_channels, block) * block);

  Defines defines = tunables.defines(conv::backward_geometry(g), block);
  defines.set("FILTER_C_GROUP", tunables.filter_c_group);
  defines.set("FILTER_K_GROUP", tunables.filter_k_group);
  defines.set("SLICES", tunables.slices);
  defines.set("INPUT_DEFERRED", fusion.deferred ? 1 : 0);
  if (batch == BatchClass::many) defines.set("STREAM", 2);
  ViewKind{.affine = fusion.batch_norm, .activation = ActivationFunction::relu()}.define(defines);
  run_ = device.kernel("conv_backward_winograd.cl", "conv_backward_winograd", defines);
  slices_ = to_size(tunables.slices);
  workspace_floats_ = slices_ * 36 * in_padded * out_padded;

  reduce_ = device.kernel("conv_filter_winograd.cl", "filter_gradient", filter_part(tunables).defines(g, block));
  reduce_range_ = {to_size(g.in.channels), to_size(block_count(g.out_channels, block))};
  filters_ = {device, conv::FilterLayout::winograd(device, conv::FilterShape::turned_of(g))};
}

void ConvBackward::prepare(const Array<float>& weight) { filters_.prepare(weight); }

void ConvBackward::run(int n, const Gradient& out, const ConvMask& mask, const Array<float>& workspace,
                       const Array<float>& in_gradient, const Array<float>& weight_gradient) {
  run_(Range{slices_}, Range{}, out.data, out.scale, out.shift, out.norm_input, out.norm_input_scale, filters_.array(),
       mask.tensor, mask.scale, mask.shift, mask.mean, in_gradient, mask.sums, workspace, n);
  reduce_(reduce_range_, Range{}, workspace, weight_gradient);
}

}  // namespace cascadecl
