#include "runtime/ops/conv_backward_data.h"

#include "runtime/ops/conv_list.h"

namespace cascadecl {

ConvBackwardData::ConvBackwardData(const Device& device, const ConvGeometry& geometry, const Fusion& fusion,
                                   KernelClass kernels, BatchClass batch)
    : convolution_(conv::make_convolution<conv::BackwardData>(device, {geometry, fusion}, kernels, batch, choice_)) {}

bool ConvBackwardData::can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels) {
  const Fusion all{.deferred = true, .mask = MaskKind::batch_norm_relu, .residual = true};
  return conv::can_run<conv::BackwardData>(device, {geometry, all}, kernels);
}

void ConvBackwardData::prepare(const Array<float>& weight) { convolution_->filters.prepare(weight); }
std::size_t ConvBackwardData::weight_bytes() const { return convolution_->filters.bytes(); }

void ConvBackwardData::run(int n, const Gradient& out_gradient, const ConvMask& mask, const Array<float>& residual,
                           const Array<float>& in_gradient) {
  convolution_->run(n, {out_gradient, mask, residual, in_gradient});
}

}  // namespace cascadecl
