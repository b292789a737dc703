#include "runtime/study/answers/accuracy.h"

#include "runtime/cascade/combine.h"

namespace cascadecl {

void AccuracyCount::add(std::span<const float> answers, std::span<const std::int32_t> labels) {
  if (labels.empty()) return;
  classes_ = answers.size() / labels.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const int rank = rank_of(answers.subspan(i * classes_, classes_), labels[i]);
    top1_ += rank == 0;
    top5_ += rank < 5;
  }
  images_ += static_cast<std::int64_t>(labels.size());
}

std::optional<double> AccuracyCount::top5() const {
  if (classes_ < 6) return std::nullopt;
  return static_cast<double>(top5_) / static_cast<double>(images_);
}

}  // namespace cascadecl
