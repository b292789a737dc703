#include "runtime/ops/conv_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/launch.h"

namespace cascadecl::conv {
namespace {

int div_up(int a, int b) { return (a + b - 1) / b; }

int largest_divisor(int value, std::initializer_list<int> candidates) {
  for (int c : candidates) {
    if (value % c == 0) return c;
  }
  return 1;
}

std::string not_cpu_class(const Device& device, KernelClass kernels) {
  const KernelClass runs = kernel_class(device, kernels);
  if (runs == KernelClass::cpu) return {};
  return runs == KernelClass::reference ? "reference kernels were asked for" : "a kernel of the CPU class";
}

bool is_3x3(const ConvGeometry& g) { return g.kernel_h == 3 && g.kernel_w == 3 && g.stride == 1 && g.padding == 1; }

std::string not_3x3_in_blocks(const Device& device, const ConvGeometry& g) {
  const int block = device.channel_block();
  if (!is_3x3(g))
    return fmt::format("{}x{} kernel, stride {}, padding {}: winograd is for 3x3, 1, 1", g.kernel_h, g.kernel_w,
                       g.stride, g.padding);
  if (channel_block_of(g.in.channels, block) != block || channel_block_of(g.out_channels, block) != block) {
    return fmt::format("{} to {} channels: winograd needs at least a block of {}", g.in.channels, g.out_channels,
                       block);
  }
  return {};
}

std::string too_large(std::size_t bytes, const Device& device) {
  if (bytes <= local_memory_limit(device)) return {};
  return fmt::format("needs {} bytes of local memory, the device has {}", bytes, local_memory_limit(device));
}

}  // namespace

std::size_t local_memory_limit(const Device& device) {
  return std::min<std::size_t>(device.info().local_memory_bytes, 256 * 1024);
}

Winograd Winograd::choose(const ConvGeometry& g, int block) {
  Winograd w;
  const int k_blocks = div_up(g.out_channels, block), tiles_x = div_up(g.in.width, 4), tiles_y = div_up(g.in.height, 4);
  w.k_group = largest_divisor(k_blocks, {4, 2, 1});
  w.tile_group = w.k_group == 4 ? 4 : 8;
  w.tile_rows = std::clamp(w.tile_group / tiles_x, 1, tiles_y);
  w.tile_group = std::min(w.tile_group, w.tile_rows * tiles_x);
  return w;
}

std::size_t Winograd::local_bytes(const ConvGeometry& g, int block) const {
  const int c = div_up(g.in.channels, block) * block, k = div_up(g.out_channels, block) * block;
  const int tiles_x = div_up(g.in.width, 4), slots = div_up(tile_rows * tiles_x, tile_group) * tile_group;
  const bool in_place = c == k && k_group * block == k;
  return sizeof(float) * (6u * (4 * tiles_x + 2) * block + 36u * slots * (in_place ? c : c + k));
}

Defines Winograd::defines(const ConvGeometry& g, int block) const {
  return {{"CB", block},
          {"C_CHANNELS", g.in.channels},
          {"C_BLOCKS", div_up(g.in.channels, block)},
          {"K_BLOCKS", div_up(g.out_channels, block)},
          {"HEIGHT", g.in.height},
          {"WIDTH", g.in.width},
          {"TILE_ROWS", tile_rows},
          {"TILE_GROUP", tile_group},
          {"K_GROUP", k_group}};
}

std::string winograd_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
  if (auto reason = not_3x3_in_blocks(device, g); !reason.empty()) return reason;
  const int block = device.channel_block();
  return too_large(Winograd::choose(g, block).local_bytes(g, block), device);
}

FilterWinograd FilterWinograd::choose(const ConvGeometry& g, int block) {
  FilterWinograd w;
  const int k_blocks = div_up(g.out_channels, block), tiles_x = div_up(g.in.width, 4), tiles_y = div_up(g.in.height, 4);
  constexpr int kTiles = 16;  // enough that loading and storing the sums does not dominate
  w.tile_rows = std::clamp(kTiles / tiles_x, 1, tiles_y);
  w.image_group = w.tile_rows == tiles_y ? std::clamp(kTiles / (tiles_x * tiles_y), 1, 4) : 1;
  w.k_group = largest_divisor(k_blocks, {2, 1});
  w.c_group = std::min(block, w.k_group == 2 ? 8 : 16);
  return w;
}

std::size_t FilterWinograd::local_bytes(const ConvGeometry& g, int block) const {
  const int k = div_up(g.out_channels, block) * block, tiles_x = div_up(g.in.width, 4);
  const int tiles = image_group * tile_rows * tiles_x;
  return sizeof(float) * (6u * (4 * tiles_x + 2) * block + 36u * tiles * (block + k));
}

Defines FilterWinograd::defines(const ConvGeometry& g, int block) const {
  return {{"CB", block},
          {"C_CHANNELS", g.in.channels},
          {"K_CHANNELS", g.out_channels},
          {"C_BLOCKS", div_up(g.in.channels, block)},
          {"K_BLOCKS", div_up(g.out_channels, block)},
          {"HEIGHT", g.in.height},
          {"WIDTH", g.in.width},
          {"SLICES", kSlices},
          {"TILE_ROWS", tile_rows},
          {"IMAGE_GROUP", image_group},
          {"C_GROUP", c_group},
          {"K_GROUP", k_group}};
}

std::string filter_winograd_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
  if (auto reason = not_3x3_in_blocks(device, g); !reason.empty()) return reason;
  const int block = device.channel_block();
  return too_large(FilterWinograd::choose(g, block).local_bytes(g, block), device);
}

std::string direct_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
  const int columns = (div_up(g.out().width, 8) * 8 - 1) * g.stride + g.kernel_w;
  return too_large(sizeof(float) * g.kernel_h * columns * g.in.channels, device);
}

Defines shape_defines(const ConvGeometry& g) {
  const ImageShape out = g.out();
  return {{"C_CHANNELS", g.in.channels}, {"K_CHANNELS", g.out_channels}, {"HEIGHT", g.in.height},
          {"WIDTH", g.in.width},         {"OUT_HEIGHT", out.height},     {"OUT_WIDTH", out.width},
          {"KERNEL_H", g.kernel_h},      {"KERNEL_W", g.kernel_w},       {"STRIDE", g.stride}};
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

int filter_direct_group(const ConvGeometry& g) {
  constexpr int kRegisters = 27;  // of 32 vector registers
  return std::clamp(kRegisters / (g.kernel_h * g.kernel_w), 1, std::min(g.in.channels, 16));
}

std::string filter_direct_declines(const Device& device, const ConvGeometry& g, KernelClass kernels) {
  if (auto reason = not_cpu_class(device, kernels); !reason.empty()) return reason;
  const int columns = (g.out().width - 1) * g.stride + g.kernel_w;
  return too_large(sizeof(float) * g.kernel_h * columns * filter_direct_group(g), device);
}

ConvGeometry backward_geometry(const ConvGeometry& g) {
  ConvGeometry b = g;
  b.in = g.out();
  b.out_channels = g.in.channels;
  return b;
}

}  // namespace cascadecl::conv
