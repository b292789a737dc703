#include "runtime/ops/conv_forward.h"

#include "runtime/ops/conv_list.h"

namespace cascadecl {

ConvForward::ConvForward(const Device& device, const ConvGeometry& geometry, const ConvFusion& fusion,
                         KernelClass kernels, BatchClass batch) {
  conv::Forward::Problem problem{geometry, fusion};
  statistics_ = fusion.statistics && conv::can_run<conv::Forward>(device, problem, kernels);
  problem.fusion.statistics = statistics_;
  convolution_ = conv::make_convolution<conv::Forward>(device, problem, kernels, batch, choice_);
}

void ConvForward::prepare(const Array<float>& weight, const Array<float>& bias) {
  convolution_->filters.prepare(weight, bias);
}
void ConvForward::use(const Array<float>& prepared) { convolution_->filters.use(prepared); }
const Array<float>& ConvForward::weights() const { return convolution_->filters.array(); }
std::size_t ConvForward::weight_bytes() const { return convolution_->filters.bytes(); }

void ConvForward::run(int n, const View& in, const ActivationArray& residual, const ActivationArray& out,
                      const Array<float>& moments) {
  convolution_->run(n, {in, residual, out, moments});
}

}  // namespace cascadecl
