#pragma once
#include <cstdint>
#include <span>

#include "runtime/cascade/executor.h"
#include "runtime/study/answers/accuracy.h"

namespace cascadecl {

// The changes that a precision makes to the answers to the same images, against fp32.
struct PrecisionChange {
  double top1_fp32 = 0;
  double top1_change = 0;          // top-1 of the precision minus that of fp32
  std::int64_t exits_changed = 0;  // images that stop at another stage
  // Over all label probabilities of stages that an image visits in both.
  double largest_probability_difference = 0;
};

class PrecisionComparison {
 public:
  // The results for the same images, of the precision and of fp32, and their labels.
  void add(const CascadeResult& result, const CascadeResult& fp32, std::span<const std::int32_t> labels);
  PrecisionChange change() const;

 private:
  AccuracyCount accuracy_, accuracy_fp32_;
  std::int64_t exits_changed_ = 0;
  double largest_difference_ = 0;
};

}  // namespace cascadecl
