#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"
#include "runtime/ops/residual_block.h"
#include "runtime/ops/trials/conv_trials.h"
#include "runtime/ops/trials/random_activation.h"
#include "tests/bench/kernel_items.h"

// Convolutions with the fusions that they have in a training step, and residual blocks.
namespace cascadecl::bench {
namespace {

constexpr ViewKind kNormed{.affine = true, .activation = ActivationFunction::relu()};

std::vector<ConvGeometry> geometries(bool smoke) {
  if (smoke) return {{{16, 8, 8}, 16, 3, 3, 1, 1}};
  return {{{3, 32, 32}, 16, 3, 3, 1, 1},  {{16, 32, 32}, 16, 3, 3, 1, 1}, {{32, 16, 16}, 32, 3, 3, 1, 1},
          {{64, 8, 8}, 64, 3, 3, 1, 1},   {{16, 32, 32}, 32, 3, 3, 2, 1}, {{32, 16, 16}, 64, 3, 3, 2, 1},
          {{16, 32, 32}, 32, 1, 1, 2, 0}, {{32, 16, 16}, 64, 1, 1, 2, 0}};
}

std::string text_of(const ConvGeometry& g) {
  return fmt::format("{} to {}, {}x{}{}", bench::text_of(g.in), g.out_channels, g.kernel_h, g.kernel_w,
                     g.stride > 1 ? fmt::format(" stride {}", g.stride) : "");
}

double flop_of(const ConvGeometry& g, int batch) {
  const ImageShape out = g.out();
  return 2.0 * batch * out.height * out.width * static_cast<double>(g.weight_count());
}

double image_bytes(const Device& device, ImageShape shape, int batch) {
  return 4.0 * batch * static_cast<double>(image_elements(shape, device.channel_block()));
}

// Of the input's pixels, the share that a kernel smaller than its stride reads.
double share_read(const ConvGeometry& g) {
  return std::min(1.0, static_cast<double>(g.kernel_h * g.kernel_w) / (g.stride * g.stride));
}

std::function<void()> run_of(const Device& device, int batch, const MakeTrial& make) {
  const auto data = std::make_shared<TrialData>(device);
  const auto trial =
      std::make_shared<Trial>(make({.device = device, .data = *data, .images = batch, .max_batch = batch}));
  return [data, trial, batch] { trial->run(batch); };
}

}  // namespace

std::vector<KernelItem> convolution_items(const Device& device, int batch, bool smoke) {
  const BatchClass many = batch_class(batch);
  constexpr KernelClass automatic = KernelClass::automatic;
  std::vector<KernelItem> items;
  for (const ConvGeometry& g : geometries(smoke)) {
    const double flop = flop_of(g, batch), in = image_bytes(device, g.in, batch),
                 out = image_bytes(device, g.out(), batch);
    const bool image = g.in.channels == 3;
    const ViewKind view = image ? ViewKind{} : kNormed;
    const ConvFusion fusion{.view = view, .statistics = true};
    items.push_back({"convolution", ConvForward(device, g, fusion, automatic, many).choice().variant, text_of(g), flop,
                     share_read(g) * in + out, run_of(device, batch, forward_trial(g, fusion))});
    if (!image) {
      const bool fuses = ConvBackwardData::can_fuse(device, g, automatic);
      const ConvBackwardData::Fusion masked =
          fuses ? ConvBackwardData::Fusion{.deferred = true, .mask = MaskKind::batch_norm_relu}
                : ConvBackwardData::Fusion{};
      items.push_back({"gradient by input", ConvBackwardData(device, g, masked, automatic, many).choice().variant,
                       text_of(g), flop, fuses ? 2 * in + 2 * out : in + out,
                       run_of(device, batch, data_gradient_trial(g, masked))});
    }
    const bool deferred = ConvBackwardFilter::can_fuse(device, g, automatic);
    items.push_back({"gradient by filters",
                     ConvBackwardFilter(device, g, view, deferred, automatic, many).choice().variant, text_of(g), flop,
                     share_read(g) * in + (deferred ? 2 : 1) * out,
                     run_of(device, batch, filter_gradient_trial(g, view, deferred))});
  }
  return items;
}

std::vector<KernelItem> residual_block_items(const Device& device, int batch, bool smoke) {
  std::vector<KernelItem> items;
  const std::vector<ImageShape> shapes =
      smoke ? std::vector<ImageShape>{{16, 8, 8}} : std::vector<ImageShape>{{16, 32, 32}, {32, 16, 16}, {64, 8, 8}};
  for (const ImageShape shape : shapes) {
    const ResidualBlockGeometry g{.head = {}, .shape = shape, .units = 3};
    if (!ResidualBlock::declines(device, g, KernelClass::automatic).empty()) continue;
    const auto block = std::make_shared<ResidualBlock>(device, g, KernelClass::automatic, batch_class(batch));
    const std::size_t convolutions = 2 * to_size(g.units), channels = to_size(shape.channels);
    std::vector<Array<float>> weights;
    std::vector<View> norms;
    for (std::size_t i = 0; i < convolutions; ++i) {
      weights.push_back(random_floats(device, g.convolution().weight_count(), i, 0.01F));
      norms.push_back({{}, random_floats(device, channels, 10 + i), random_floats(device, channels, 20 + i, 0.1F)});
    }
    block->prepare({}, weights);
    block->prepare_norms(norms);
    const Array<float> in = random_activation(device, shape, batch, 1), x = device.allocate<float>(in.size());
    items.push_back({"residual block of 3 units", block->choice().variant, bench::text_of(shape),
                     static_cast<double>(convolutions) * flop_of(g.convolution(), batch),
                     2 * image_bytes(device, shape, batch), [=] { block->run(batch, in, x); }});
  }
  return items;
}

}  // namespace cascadecl::bench
