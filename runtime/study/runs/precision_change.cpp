#include "runtime/study/runs/precision_change.h"

#include <cmath>

namespace cascadecl {

void PrecisionComparison::add(const CascadeResult& result, const CascadeResult& fp32,
                              std::span<const std::int32_t> labels) {
  accuracy_.add(result.answer, labels);
  accuracy_fp32_.add(fp32.answer, labels);
  for (std::size_t i = 0; i < labels.size(); ++i) exits_changed_ += result.exit_stage[i] != fp32.exit_stage[i];
  for (std::size_t i = 0; i < result.probabilities.size(); ++i) {
    const double difference = std::abs(static_cast<double>(result.probabilities[i]) - fp32.probabilities[i]);
    if (difference > largest_difference_) largest_difference_ = difference;  // not where one was not visited: NaN
  }
}

PrecisionChange PrecisionComparison::change() const {
  return {.top1_fp32 = accuracy_fp32_.top1(),
          .top1_change = accuracy_.top1() - accuracy_fp32_.top1(),
          .exits_changed = exits_changed_,
          .largest_probability_difference = largest_difference_};
}

}  // namespace cascadecl
