#include <fmt/format.h>

#include "runtime/ops/batch_norm.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/image_input.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/pool.h"
#include "runtime/ops/sgd.h"
#include "runtime/ops/softmax.h"
#include "runtime/ops/trials/random_activation.h"
#include "tests/bench/kernel_items.h"

// What is no convolution: it moves data.
namespace cascadecl::bench {
namespace {

double bytes_of(const Array<float>& array) { return 4.0 * static_cast<double>(array.size()); }

void add_batch_norm(const Device& device, ImageShape shape, int batch, std::vector<KernelItem>& items) {
  const auto norm = std::make_shared<BatchNorm>(device, shape);
  const Array<float> x = random_activation(device, shape, batch, 1), dy = random_activation(device, shape, batch, 2);
  const Array<float> dx = device.allocate<float>(x.size());
  const Array<float> moments = device.allocate<float>(to_size(batch) * 2 * norm->padded_channels());
  const std::size_t channels = to_size(shape.channels);
  const Array<float> gamma = random_floats(device, channels, 3), beta = random_floats(device, channels, 4);
  const Array<float> mean = device.upload(std::vector<float>(channels, 0.0F));
  const Array<float> variance = device.upload(std::vector<float>(channels, 1.0F));
  norm->measure(batch, x, moments);
  norm->prepare(batch, moments, {gamma, beta, mean, variance});
  const Array<float> sums = device.allocate<float>(moments.size());
  norm->backward_sums(batch, true, dy, x, sums);
  norm->backward_prepare(batch, sums, false, false, device.allocate<float>(channels), device.allocate<float>(channels));
  items.push_back(
      {"batch norm moments", "plain", text_of(shape), 0, bytes_of(x), [=] { norm->measure(batch, x, moments); }});
  items.push_back({"batch norm sums", "plain", text_of(shape), 0, 3 * bytes_of(x),
                   [=] { norm->backward_sums(batch, true, dy, x, sums); }});
  items.push_back({"batch norm apply", "plain", text_of(shape), 0, 3 * bytes_of(x),
                   [=] { norm->backward_apply(batch, dy, x, {}, dx); }});
}

void add_pools(const Device& device, ImageShape shape, int batch, std::vector<KernelItem>& items) {
  const auto global = std::make_shared<GlobalAveragePool>(device, shape, ViewKind{});
  const PoolGeometry window{.in = shape};
  const auto pool = std::make_shared<Pool>(device, window, ViewKind{});
  const Array<float> x = random_activation(device, shape, batch, 1), dx = device.allocate<float>(x.size());
  const Array<float> rows = random_floats(device, to_size(batch) * to_size(shape.channels), 2);
  const Array<float> small = random_activation(device, window.output(), batch, 3);
  items.push_back({"global pool", "plain", text_of(shape), 0, bytes_of(x), [=] {
                     global->forward(batch, {x, {}, {}}, rows);
                   }});
  items.push_back(
      {"global pool gradient", "plain", text_of(shape), 0, bytes_of(x), [=] { global->backward(batch, rows, dx); }});
  items.push_back({"max pool 2x2", "plain", text_of(shape), 0, bytes_of(x) + bytes_of(small), [=] {
                     pool->forward(batch, {x, {}, {}}, small);
                   }});
  items.push_back({"max pool 2x2 gradient", "plain", text_of(shape), 0, 2 * bytes_of(x) + bytes_of(small), [=] {
                     pool->backward(batch, {x, {}, {}}, small, dx);
                   }});
}

void add_dense(const Device& device, int in, int out, int batch, std::vector<KernelItem>& items) {
  const auto dense = std::make_shared<Dense>(device, in, out, batch);
  const Array<float> features = random_floats(device, to_size(batch * in), 1),
                     weight = random_floats(device, to_size(in * out), 2);
  const Array<float> bias = random_floats(device, to_size(out), 3),
                     logits = random_floats(device, to_size(batch * out), 4);
  const Array<float> weight_gradient = device.allocate<float>(weight.size());
  const Array<float> bias_gradient = device.allocate<float>(bias.size());
  const double flop = 2.0 * batch * in * out, bytes = bytes_of(features) + bytes_of(weight) + bytes_of(logits);
  const std::string shape = fmt::format("{} to {}", in, out), variant(to_string(dense->variant()));
  items.push_back(
      {"dense", variant, shape, flop, bytes, [=] { dense->forward(batch, features, weight, bias, logits); }});
  items.push_back({"dense gradient by weights", variant, shape, flop, bytes,
                   [=] { dense->backward_parameters(batch, features, logits, weight_gradient, bias_gradient); }});
}

void add_rest(const Device& device, ImageShape input, int batch, std::size_t parameters,
              std::vector<KernelItem>& items) {
  const auto sgd = std::make_shared<Sgd>(device, parameters);
  const Array<float> w = random_floats(device, parameters, 1), g = random_floats(device, parameters, 2);
  const Array<float> v = random_floats(device, parameters, 3);
  items.push_back({"sgd", "plain", fmt::format("{} parameters", parameters), 0, 5 * bytes_of(w),
                   [=] { sgd->step(w, g, v, {.learning_rate = 1e-6F}); }});

  const auto image_input =
      std::make_shared<ImageInput>(device, input, std::vector<float>(3, 0.5F), std::vector<float>(3, 0.25F));
  const Array<std::uint8_t> pixels =
      device.allocate<std::uint8_t>(to_size(batch * input.channels * input.height * input.width));
  device.fill(pixels, std::uint8_t{100});
  const Array<float> images = random_activation(device, input, batch, 1);
  items.push_back({"image input", "plain", text_of(input), 0, static_cast<double>(pixels.size()) + bytes_of(images),
                   [=] { image_input->normalise(batch, pixels, images); }});

  const auto softmax = std::make_shared<Softmax>(device, 10);
  const Array<float> logits = random_floats(device, to_size(batch) * 10, 1),
                     out = device.allocate<float>(logits.size());
  items.push_back(
      {"softmax", "plain", "10 classes", 0, 2 * bytes_of(logits), [=] { softmax->run(batch, logits, out); }});
}

}  // namespace

std::vector<KernelItem> other_items(const Device& device, int batch, bool smoke) {
  std::vector<KernelItem> items;
  const ImageShape large = smoke ? ImageShape{16, 8, 8} : ImageShape{16, 32, 32};
  add_batch_norm(device, large, batch, items);
  add_pools(device, smoke ? large : ImageShape{64, 8, 8}, batch, items);
  add_dense(device, 64, 10, batch, items);
  if (!smoke) add_dense(device, 512, 1000, batch, items);
  add_rest(device, {3, large.height, large.width}, batch, smoke ? 1000 : 1'000'000, items);
  return items;
}

}  // namespace cascadecl::bench
