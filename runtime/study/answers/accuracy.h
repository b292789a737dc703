#pragma once
#include <cstdint>
#include <optional>
#include <span>

namespace cascadecl {

// Counts answers against labels. Of equal probabilities the first one ranks higher.
class AccuracyCount {
 public:
  // answers [n][classes], labels [n].
  void add(std::span<const float> answers, std::span<const std::int32_t> labels);
  double top1() const { return static_cast<double>(top1_) / static_cast<double>(images_); }
  std::optional<double> top5() const;

 private:
  std::int64_t images_ = 0, top1_ = 0, top5_ = 0;
  std::size_t classes_ = 0;
};

}  // namespace cascadecl
