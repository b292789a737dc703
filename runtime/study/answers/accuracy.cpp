#include "runtime/study/answers/accuracy.h"

#include <cmath>

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

int rank_of(std::span<const float> probabilities, std::int32_t label) {
  const auto own = static_cast<std::size_t>(label);
  if (std::isnan(probabilities[own])) return static_cast<int>(probabilities.size());
  int rank = 0;
  for (std::size_t j = 0; j < probabilities.size(); ++j) {
    rank += probabilities[j] > probabilities[own] || (probabilities[j] == probabilities[own] && j < own);
  }
  return rank;
}

}  // namespace cascadecl
