#include "runtime/ops/image_input.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/view.h"

namespace cascadecl {
namespace {

void check(ImageShape shape, std::span<const float> mean, std::span<const float> std) {
  const std::size_t channels = to_size(shape.channels);
  if (mean.size() != channels || std.size() != channels) {
    throw ShapeError(fmt::format("image input: mean has {} and std {} values, the images {} channels", mean.size(),
                                 std.size(), channels));
  }
  for (const float value : std) {
    if (!(value > 0)) throw ShapeError(fmt::format("image input: std {} is not positive", value));
  }
}

}  // namespace

ImageInput::ImageInput(const Device& device, ImageShape shape, std::span<const float> mean, std::span<const float> std,
                       Precision precision)
    : device_(device),
      blocks_(to_size(block_count(shape.channels, device.channel_block()))),
      rows_(to_size(shape.height)) {
  check(shape, mean, std);
  std::vector<float> scale(blocks_ * to_size(channel_block_of(shape.channels, device.channel_block())), 0.0f);
  std::vector<float> shift = scale;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    scale[c] = static_cast<float>(1 / (255.0 * static_cast<double>(std[c])));
    shift[c] = static_cast<float>(-static_cast<double>(mean[c]) / static_cast<double>(std[c]));
  }
  scale_ = device.upload(scale);
  shift_ = device.upload(shift);
  Defines defines = tensor_defines(device, shape);
  define_precision(precision, defines);
  normalise_ = device.kernel("image_input.cl", "normalise", defines);
  gather_ = device.kernel("image_input.cl", "gather", defines);
  augment_ = device.kernel("image_input.cl", "augment", defines);
}

void ImageInput::normalise(int n, const Array<std::uint8_t>& images, const ActivationArray& out, int first) {
  launch(device_, normalise_, {rows_, to_size(n) * blocks_}, images, scale_, shift_, out, first);
}

void ImageInput::gather(int n, const Array<std::uint8_t>& images, const Array<int>& places, const ActivationArray& out,
                        int first) {
  launch(device_, gather_, {rows_, to_size(n) * blocks_}, images, places, scale_, shift_, out, first);
}

void ImageInput::augment(int n, const Array<std::uint8_t>& images, const Array<int>& indices,
                         const Augmentation& augmentation, const ActivationArray& out) {
  launch(device_, augment_, {rows_, to_size(n) * blocks_}, images, indices, scale_, shift_, out, augmentation.epoch,
         static_cast<std::uint32_t>(augmentation.seed), static_cast<std::uint32_t>(augmentation.seed >> 32),
         augmentation.pad, static_cast<int>(augmentation.flip), augmentation.cutout);
}

}  // namespace cascadecl
