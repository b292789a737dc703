#include "runtime/ops/conv_backward_bias.h"

#include "runtime/ops/conv_setup.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

ConvBackwardBias::ConvBackwardBias(const Device& device, ImageShape out, bool deferred) : device_(device) {
  const int slices = coarse_items(device) ? conv::kSlices : 64;  // GPUs want more items
  Defines defines = tensor_defines(device, out);
  defines.set("PIXELS", out.height * out.width);
  defines.set("SLICES", slices);
  defines.set("DEFERRED", deferred ? 1 : 0);
  run_ = device.kernel("conv_bias_gradient.cl", "bias_sums", defines);
  reduce_ = device.kernel("conv_bias_gradient.cl", "bias_gradient", defines);
  range_ = {to_size(block_count(out.channels, device.channel_block())), to_size(slices)};
  workspace_floats_ = to_size(slices) * conv::padded(out.channels, device);
}

void ConvBackwardBias::run(int n, const Gradient& out, const Array<float>& workspace,
                           const Array<float>& bias_gradient) {
  launch(device_, run_, range_, out.data, out.scale, out.shift, out.norm_input, out.norm_input_scale, workspace, n);
  launch(device_, reduce_, Range{range_.x}, workspace, bias_gradient);
}

}  // namespace cascadecl
