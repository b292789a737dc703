#include "runtime/network/step_geometry.h"

#include "runtime/ops/launch.h"

namespace cascadecl {

ConvGeometry conv_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step) {
  const Layer& l = network.layers()[to_size(step.layer)];
  return {lowering.tensors[to_size(step.in.tensor)].shape, l.out_channels, l.kernel_h, l.kernel_w, l.stride, l.padding};
}

ResidualStageGeometry stage_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step) {
  ResidualStageGeometry g{.head = {},
                          .shape = lowering.tensors[to_size(step.out)].shape,
                          .units = static_cast<int>(step.parts.size() / 2),
                          .pooled = step.pooled >= 0};
  if (step.parts.size() % 2 == 1) g.head = conv_geometry(network, lowering, step.parts.front());
  return g;
}

Lowering fuse_for_device(const Device& device, const Network& network, const Lowering& lowering, KernelClass kernels,
                         int max_batch) {
  return fuse_residual_stages(network, lowering, [&](const LoweredStep& step) {
    return ResidualStage::most_units(device, stage_geometry(network, lowering, step), kernels, max_batch);
  });
}

}  // namespace cascadecl
