#include "runtime/ops/conv_direct.h"

#include <algorithm>
#include <bit>

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

std::string direct_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
  const TuningTarget target = TuningTarget::of(device.info());
  return too_large(Direct::choose(g, target).local_bytes(g, target.block), target.local_memory);
}

Defines direct_defines(const Device& device, const ConvGeometry& g, int padding_y, int padding_x) {
  Defines defines = shape_defines(g);
  defines.set("CB", channel_block_of(g.out_channels, device.channel_block()));
  defines.set("IN_CB", channel_block_of(g.in.channels, device.channel_block()));
  defines.set("K_BLOCKS", block_count(g.out_channels, device.channel_block()));
  defines.set("PADDING_Y", padding_y);
  defines.set("PADDING_X", padding_x);
  return defines;
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
  const std::string fault =
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

std::string filter_direct_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
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

}  // namespace cascadecl::conv
