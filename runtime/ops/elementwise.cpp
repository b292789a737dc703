#include "runtime/ops/elementwise.h"

#include <utility>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

struct Built {
  Kernel kernel;
  Piece piece;
};

Built build(const Device& device, std::string_view kernel, ImageShape shape, ViewKind kind, ViewKind second,
            BatchClass batch, VariantChoice& choice) {
  const PieceProblem problem = elementwise_problem(device, kernel, shape, batch);
  const auto piece = look_up<Piece>(device, problem.key, problem, choice);
  Defines defines = tensor_defines(device, shape);
  kind.define(defines);
  defines.set("SECOND_AFFINE", second.affine ? 1 : 0);
  define_activation(second.activation, "SECOND", defines);
  define(piece, defines);
  return {device.kernel("elementwise.cl", kernel, defines), piece};
}

std::size_t pixels(ImageShape shape) { return to_size(shape.height) * to_size(shape.width); }

// Work-items for one image.
Range image_range(const Device& device, ImageShape shape, Piece piece) {
  return {piece.count(pixels(shape)), to_size(block_count(shape.channels, device.channel_block()))};
}

Range batch_range(Range image, int n) { return {image.x, image.y * to_size(n)}; }

}  // namespace

PieceProblem elementwise_problem(const Device& device, std::string_view kernel, ImageShape shape, BatchClass batch) {
  return {.key = {.kernel = "elementwise",
                  .operation = std::string(kernel),
                  .in_channels = shape.channels,
                  .height = shape.height,
                  .width = shape.width,
                  .out_channels = shape.channels,
                  .channel_block = device.channel_block(),
                  .batch = batch},
          .length = static_cast<int>(pixels(shape)),
          .coarse = 256};
}

ViewMaterialize::ViewMaterialize(const Device& device, ImageShape shape, ViewKind kind, BatchClass batch)
    : device_(device) {
  Built built = build(device, "materialize", shape, kind, {}, batch, choice_);
  range_ = image_range(device, shape, built.piece);
  kernel_ = std::move(built.kernel);
}

void ViewMaterialize::run(int n, const View& in, const ActivationArray& out) {
  launch(device_, kernel_, batch_range(range_, n), in.data, in.scale, in.shift, out);
}

AddViews::AddViews(const Device& device, ImageShape shape, ViewKind a, ViewKind b, BatchClass batch) : device_(device) {
  Built built = build(device, "add_views", shape, a, b, batch, choice_);
  range_ = image_range(device, shape, built.piece);
  kernel_ = std::move(built.kernel);
}

void AddViews::run(int n, const View& a, const View& b, const ActivationArray& out) {
  launch(device_, kernel_, batch_range(range_, n), a.data, a.scale, a.shift, b.data, b.scale, b.shift, out);
}

ActivationMask::ActivationMask(const Device& device, ImageShape shape, ViewKind kind, BatchClass batch)
    : device_(device) {
  if (kind.activation.none()) throw ShapeError("activation mask: the view has no activation function");
  Built built = build(device, "activation_mask", shape, kind, {}, batch, choice_);
  range_ = image_range(device, shape, built.piece);
  kernel_ = std::move(built.kernel);
}

void ActivationMask::run(int n, const View& x, const Array<float>& gradient) {
  launch(device_, kernel_, batch_range(range_, n), x.data, x.scale, x.shift, gradient);
}

Accumulate::Accumulate(const Device& device, ImageShape shape, BatchClass batch)
    : device_(device), vectors_(pixels(shape) * to_size(block_count(shape.channels, device.channel_block()))) {
  Built built = build(device, "accumulate", shape, {}, {}, batch, choice_);
  piece_ = built.piece;
  kernel_ = std::move(built.kernel);
}

void Accumulate::run(int n, const Array<float>& a, const Array<float>& b) {
  const std::size_t vectors = to_size(n) * vectors_;
  launch(device_, kernel_, {piece_.count(vectors)}, a, b, static_cast<int>(vectors));
}

}  // namespace cascadecl
