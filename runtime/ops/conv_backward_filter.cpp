#include "runtime/ops/conv_backward_filter.h"

#include "runtime/ops/conv_list.h"

namespace cascadecl {

ConvBackwardFilter::ConvBackwardFilter(const Device& device, const ConvGeometry& geometry, ViewKind view, bool deferred,
                                       KernelClass kernels, BatchClass batch)
    : convolution_(
          conv::make_convolution<conv::BackwardFilter>(device, {geometry, view, deferred}, kernels, batch, choice_)) {}

bool ConvBackwardFilter::can_fuse(const Device& device, const ConvGeometry& geometry, KernelClass kernels) {
  return conv::can_run<conv::BackwardFilter>(device, {.geometry = geometry, .view = {}, .deferred = true}, kernels);
}

std::size_t ConvBackwardFilter::workspace_floats() const { return convolution_->workspace_floats(); }

void ConvBackwardFilter::run(int n, const View& in, const Gradient& out_gradient, const Array<float>& workspace,
                             const Array<float>& weight_gradient) {
  convolution_->run(n, {in, out_gradient, workspace, weight_gradient});
}

}  // namespace cascadecl
