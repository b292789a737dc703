#include "runtime/network/step_geometry.h"

#include <algorithm>

#include "runtime/network/steps/step.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

ConvGeometry conv_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step) {
  const Layer& layer = network.layers()[to_size(step.layer)];
  const ImageShape in = lowering.tensors[to_size(step.in().tensor)].shape;
  if (const auto* dense = layer.as<layers::Dense>()) return {.in = in, .out_channels = dense->out_channels};
  const auto& conv = std::get<layers::Convolution>(layer.attributes);
  const Window& w = conv.window;
  return {in, conv.out_channels, w.kernel_h, w.kernel_w, w.stride, w.padding, conv.groups};
}

ResidualBlockGeometry block_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step) {
  const auto convolutions =
      std::ranges::count(step.parts, &convolution_step, [](const LoweredStep& part) { return part.kind; });
  ResidualBlockGeometry g{.head = {},
                          .shape = lowering.tensors[to_size(step.out())].shape,
                          .units = static_cast<int>(convolutions / 2),
                          .pooled = step.outputs.size() > 1};
  if (convolutions % 2 == 1) g.head = conv_geometry(network, lowering, step.parts.front());
  return g;
}

Lowering fuse_for_device(const Device& device, const Network& network, const Lowering& lowering, KernelClass kernels,
                         int max_batch) {
  return fuse_residual_blocks(network, lowering, [&](const LoweredStep& step) {
    return ResidualBlock::most_units(device, block_geometry(network, lowering, step), kernels, max_batch);
  });
}

}  // namespace cascadecl
