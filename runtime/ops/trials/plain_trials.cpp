#include "runtime/ops/trials/plain_trials.h"

#include <memory>

#include "runtime/ops/batch_norm.h"
#include "runtime/ops/compact.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"
#include "runtime/ops/sgd.h"

namespace cascadecl {
namespace {

// Room for `per_image` floats of each image, zero.
Trial::Output new_output(const TrialContext& c, std::size_t per_image) {
  Trial::Output output{c.device.allocate<float>(to_size(c.images) * per_image), per_image};
  c.device.fill(output.array, 0.0F);
  return output;
}

// What is updated in place starts as these numbers, in an array of its own.
Array<float> copy_of(const TrialContext& c, const Array<float>& from) {
  Array<float> copy = c.device.allocate<float>(from.size());
  c.device.copy(from, copy, from.size());
  return copy;
}

// Images, a view of them, and a second and third array of the same shape.
struct Images {
  Images(const TrialContext& c, ImageShape shape)
      : per_image(image_elements(shape, c.device.channel_block())),
        x(c.data.activation(shape, c.images, 1)),
        y(c.data.activation(shape, c.images, 2)),
        padded(to_size(block_count(shape.channels, c.device.channel_block()) *
                       channel_block_of(shape.channels, c.device.channel_block()))),
        scale(c.data.floats(padded, 3)),
        shift(c.data.floats(padded, 4)) {}
  View view(ViewKind kind, const Array<float>& of) const {
    return kind.affine ? View{of, scale, shift} : View{of, {}, {}};
  }
  std::size_t per_image;
  Array<float> x, y;
  std::size_t padded;
  Array<float> scale, shift;
};

// A batch norm with statistics, as it is between forward and backward.
std::shared_ptr<BatchNorm> norm_of(const TrialContext& c, ImageShape shape) {
  auto norm = std::make_shared<BatchNorm>(c.device, shape, c.batch());
  const std::size_t channels = to_size(shape.channels);
  norm->prepare_frozen({c.data.floats(channels, 5), c.data.floats(channels, 6), c.data.floats(channels, 7, 0.1F),
                        c.device.upload(std::vector<float>(channels, 1.5F))});
  return norm;
}

}  // namespace

MakeTrial dense_trial(int in, int out) {
  return [=](const TrialContext& c) -> Trial {
    auto dense = std::make_shared<Dense>(c.device, in, out, c.max_batch, DenseVariant::plain);
    const Array<float> features = c.data.floats(to_size(c.images * in), 1), bias = c.data.floats(to_size(out), 3);
    const Array<float> weight = c.data.floats(to_size(in) * to_size(out), 2, 0.1F);
    const Trial::Output logits = new_output(c, to_size(out));
    return {[=](int n) { dense->forward(n, features, weight, bias, logits.array); }, {logits}};
  };
}

MakeTrial elementwise_trial(std::string_view kernel, ImageShape shape, ViewKind kind) {
  return [=, name = std::string(kernel)](const TrialContext& c) -> Trial {
    const Images images(c, shape);
    const Trial::Output out = new_output(c, images.per_image);
    const View x = images.view(kind, images.x), y = images.view(kind, images.y);
    if (name == "materialize") {
      auto op = std::make_shared<ViewMaterialize>(c.device, shape, kind, c.batch());
      return {[=](int n) { op->run(n, x, out.array); }, {out}};
    }
    if (name == "add_views") {
      auto op = std::make_shared<AddViews>(c.device, shape, kind, kind, c.batch());
      return {[=](int n) { op->run(n, x, y, out.array); }, {out}};
    }
    if (name == "activation_mask") {
      auto op = std::make_shared<ActivationMask>(c.device, shape, kind, c.batch());
      const Trial::Output gradient{copy_of(c, images.y), images.per_image};
      return {[=](int n) { op->run(n, x, gradient.array); }, {gradient}};
    }
    auto op = std::make_shared<Accumulate>(c.device, shape, c.batch());
    const Trial::Output sum{copy_of(c, images.x), images.per_image};
    return {[=](int n) { op->run(n, sum.array, images.y); }, {sum}};
  };
}

MakeTrial batch_norm_sums_trial(ImageShape shape) {
  return [=](const TrialContext& c) -> Trial {
    const Images images(c, shape);
    auto norm = norm_of(c, shape);
    const Trial::Output moments = new_output(c, 2 * images.padded), sums = new_output(c, 2 * images.padded);
    const Trial::Output dy{copy_of(c, images.y), images.per_image};
    const auto run = [=](int n) {
      norm->measure(n, images.x, moments.array);
      norm->backward_sums(n, true, dy.array, images.x, sums.array);
    };
    return {run, {moments, dy, sums}};
  };
}

MakeTrial batch_norm_apply_trial(ImageShape shape) {
  return [=](const TrialContext& c) -> Trial {
    const Images images(c, shape);
    auto norm = norm_of(c, shape);
    const Array<float> unused = c.device.allocate<float>(to_size(shape.channels));
    norm->backward_prepare(1, c.data.floats(2 * images.padded, 8), false, false, unused, unused);
    const Trial::Output dx = new_output(c, images.per_image);
    return {[=](int n) { norm->backward_apply(n, images.y, images.x, {}, dx.array); }, {dx}};
  };
}

MakeTrial sgd_trial(std::size_t count) {
  return [=](const TrialContext& c) -> Trial {
    auto sgd = std::make_shared<Sgd>(c.device, count);
    const Array<float> weights = copy_of(c, c.data.floats(count, 1)), velocity = copy_of(c, c.data.floats(count, 2));
    const Array<float> gradient = c.data.floats(count, 3);
    const auto run = [=](int) { sgd->step(weights, gradient, velocity, {.learning_rate = 1e-3F}); };
    return {run, {{weights}, {velocity}}};
  };
}

MakeTrial select_trial() {
  return [=](const TrialContext& c) -> Trial {
    auto compact = std::make_shared<Compact>(c.device, c.max_batch);
    std::vector<int> keep(to_size(c.images));
    for (std::size_t i = 0; i < keep.size(); ++i) keep[i] = i * 7 % 3 == 0 ? 1 : 0;
    const Array<int> flags = c.device.upload(keep);
    const Array<float> from = c.data.floats(keep.size(), 1);
    const Trial::Output survivors = new_output(c, 1);
    const auto run = [=](int n) {
      compact->gather(compact->select(n, flags), compact->indices(), 1, from, survivors.array);
    };
    return {run, {survivors}};
  };
}

MakeTrial gather_trial(std::size_t row) {
  return [=](const TrialContext& c) -> Trial {
    auto compact = std::make_shared<Compact>(c.device, c.max_batch);
    std::vector<int> order(to_size(c.images));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    const Array<int> indices = c.device.upload(order);
    const Array<float> from = c.data.floats(to_size(c.images) * row, 1);
    const Trial::Output to = new_output(c, row);
    return {[=](int n) { compact->gather(n, indices, row, from, to.array); }, {to}};
  };
}

}  // namespace cascadecl
