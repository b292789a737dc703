#include "runtime/ops/elementwise.h"

#include <algorithm>

#include "data/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// Vectors of one work-item.
std::size_t piece_of(const Device& device) { return coarse_items(device) ? 256 : 1; }

std::size_t pieces(std::size_t vectors, const Device& device) {
  return (vectors + piece_of(device) - 1) / piece_of(device);
}

Defines elementwise_defines(const Device& device, ImageShape shape, ViewKind kind, ViewKind second = {}) {
  Defines defines = tensor_defines(device, shape);
  kind.define(defines);
  defines.set("SECOND_AFFINE", second.affine ? 1 : 0);
  defines.set("SECOND_RELU", second.relu ? 1 : 0);
  defines.set("PIECE", static_cast<long>(piece_of(device)));
  return defines;
}

// Work-items for one image.
Range image_range(const Device& device, ImageShape shape) {
  return {pieces(to_size(shape.height) * to_size(shape.width), device),
          to_size(block_count(shape.channels, device.channel_block()))};
}

Range batch_range(Range image, int n) { return {image.x, image.y * to_size(n)}; }

}  // namespace

ViewMaterialize::ViewMaterialize(const Device& device, ImageShape shape, ViewKind kind)
    : device_(device),
      range_(image_range(device, shape)),
      kernel_(device.kernel("elementwise.cl", "materialize", elementwise_defines(device, shape, kind))) {}

void ViewMaterialize::run(int n, const View& in, const Activation& out) {
  launch(device_, kernel_, batch_range(range_, n), in.data, in.scale, in.shift, out);
}

AddViews::AddViews(const Device& device, ImageShape shape, ViewKind a, ViewKind b)
    : device_(device),
      range_(image_range(device, shape)),
      kernel_(device.kernel("elementwise.cl", "add_views", elementwise_defines(device, shape, a, b))) {}

void AddViews::run(int n, const View& a, const View& b, const Activation& out) {
  launch(device_, kernel_, batch_range(range_, n), a.data, a.scale, a.shift, b.data, b.scale, b.shift, out);
}

ReluMask::ReluMask(const Device& device, ImageShape shape, ViewKind kind)
    : device_(device), range_(image_range(device, shape)) {
  if (!kind.relu) throw ShapeError("relu mask: the view has no relu");
  kernel_ = device.kernel("elementwise.cl", "relu_mask", elementwise_defines(device, shape, kind));
}

void ReluMask::run(int n, const View& x, const Array<float>& gradient) {
  launch(device_, kernel_, batch_range(range_, n), x.data, x.scale, x.shift, gradient);
}

Accumulate::Accumulate(const Device& device, ImageShape shape)
    : device_(device),
      vectors_(image_elements(shape, device.channel_block()) /
               to_size(channel_block_of(shape.channels, device.channel_block()))),
      kernel_(device.kernel("elementwise.cl", "accumulate", elementwise_defines(device, shape, {}))) {}

void Accumulate::run(int n, const Array<float>& a, const Array<float>& b) {
  const std::size_t vectors = to_size(n) * vectors_;
  launch(device_, kernel_, {pieces(vectors, device_)}, a, b, static_cast<int>(vectors));
}

}  // namespace cascadecl
