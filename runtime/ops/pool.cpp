#include "runtime/ops/pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

Defines viewed_tensor(const Device& device, ImageShape shape, ViewKind kind) {
  Defines defines = tensor_defines(device, shape);
  kind.define(defines);
  return defines;
}

Defines pool_defines(const Device& device, const PoolGeometry& geometry, ViewKind kind) {
  Defines defines = viewed_tensor(device, geometry.in, kind);
  defines.set("KERNEL_H", geometry.kernel_h);
  defines.set("KERNEL_W", geometry.kernel_w);
  defines.set("STRIDE", geometry.stride);
  defines.set("PADDING", geometry.padding);
  defines.set("MAXIMUM", geometry.max ? 1 : 0);
  return defines;
}

std::size_t blocks_of(const Device& device, ImageShape shape) {
  return to_size(block_count(shape.channels, device.channel_block()));
}

}  // namespace

GlobalAveragePool::GlobalAveragePool(const Device& device, ImageShape in, ViewKind kind)
    : device_(device), blocks_(blocks_of(device, in)) {
  const Defines defines = viewed_tensor(device, in, kind);
  forward_ = device.kernel("global_average_pool.cl", "global_average_pool_forward", defines);
  backward_ = device.kernel("global_average_pool.cl", "global_average_pool_backward", defines);
}

void GlobalAveragePool::forward(int n, const View& in, const Array<float>& out) {
  launch(device_, forward_, {blocks_, to_size(n)}, in.data, in.scale, in.shift, out);
}

void GlobalAveragePool::backward(int n, const Array<float>& out_gradient, const Array<float>& in_gradient) {
  launch(device_, backward_, {blocks_, to_size(n)}, out_gradient, in_gradient);
}

ImageShape PoolGeometry::output() const {
  const int room_h = in.height + 2 * padding - kernel_h, room_w = in.width + 2 * padding - kernel_w;
  if (std::min(kernel_h, kernel_w) < 1 || stride < 1 || padding < 0 || padding >= std::min(kernel_h, kernel_w) ||
      room_h < 0 || room_w < 0) {
    throw ShapeError(fmt::format("pool: kernel {}x{}, stride {}, padding {} does not fit input [{},{},{}]", kernel_h,
                                 kernel_w, stride, padding, in.channels, in.height, in.width));
  }
  return {in.channels, room_h / stride + 1, room_w / stride + 1};
}

Pool::Pool(const Device& device, const PoolGeometry& geometry, ViewKind kind)
    : device_(device),
      blocks_(blocks_of(device, geometry.in)),
      in_rows_(to_size(geometry.in.height)),
      out_rows_(to_size(geometry.output().height)) {
  const Defines defines = pool_defines(device, geometry, kind);
  forward_ = device.kernel("pool.cl", "pool_forward", defines);
  backward_ = device.kernel("pool.cl", "pool_backward", defines);
}

void Pool::forward(int n, const View& in, const ActivationArray& out) {
  launch(device_, forward_, {out_rows_, to_size(n) * blocks_}, in.data, in.scale, in.shift, out);
}

void Pool::backward(int n, const View& in, const Array<float>& out_gradient, const Array<float>& in_gradient) {
  launch(device_, backward_, {in_rows_, to_size(n) * blocks_}, in.data, in.scale, in.shift, out_gradient, in_gradient);
}

}  // namespace cascadecl
