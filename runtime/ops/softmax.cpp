#include "runtime/ops/softmax.h"

#include "runtime/ops/launch.h"

namespace cascadecl {

Softmax::Softmax(const Device& device, int classes)
    : device_(device), kernel_(device.kernel("softmax.cl", "softmax_rows", {{"CLASSES", classes}})) {}

void Softmax::run(int n, const Array<float>& logits, const Array<float>& probabilities, int first) {
  launch(device_, kernel_, {to_size(n)}, logits, probabilities, first);
}

CrossEntropy::CrossEntropy(const Device& device, int classes, float label_smoothing,
                           const std::vector<float>& class_weights)
    : device_(device),
      label_smoothing_(label_smoothing),
      class_weights_(device.upload(class_weights.empty() ? std::vector<float>(to_size(classes), 1.0F) : class_weights)),
      kernel_(device.kernel("softmax.cl", "cross_entropy", {{"CLASSES", classes}})) {}

void CrossEntropy::run(int n, const Array<float>& logits, const Array<int>& labels, float weight,
                       const Array<float>& loss, const Array<float>& correct, const Array<float>& gradient) {
  launch(device_, kernel_, {to_size(n)}, logits, labels, class_weights_, loss, correct, gradient, weight,
         label_smoothing_);
}

MetricSum::MetricSum(const Device& device)
    : device_(device), kernel_(device.kernel("metric_sum.cl", "metric_sum", {})), sums_(device.allocate<float>(4)) {
  reset();
}

void MetricSum::reset() { device_.fill(sums_, 0.0f); }

void MetricSum::add(int n, const Array<float>& loss, const Array<float>& correct) {
  if (n > 0) kernel_({}, {}, loss, correct, sums_, n);
}

MetricSum::Sums MetricSum::read() const {
  const std::vector<float> sums = device_.read(sums_);
  return {static_cast<double>(sums[0]) + sums[1], static_cast<double>(sums[2]) + sums[3]};
}

}  // namespace cascadecl
