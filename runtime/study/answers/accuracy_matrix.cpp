#include "runtime/study/answers/accuracy_matrix.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/cascade/combine.h"

namespace cascadecl {
namespace {

void check(const StageProbabilities& probabilities, std::span<const int> exits, std::span<const std::int32_t> labels) {
  if (exits.empty() || exits.size() != probabilities.images || labels.size() != probabilities.images) {
    throw ShapeError(fmt::format("accuracy matrix: probabilities of {} images, {} exits and {} labels",
                                 probabilities.images, exits.size(), labels.size()));
  }
  for (std::size_t n = 0; n < exits.size(); ++n) {
    if (exits[n] < 0 || static_cast<std::size_t>(exits[n]) >= probabilities.stages) {
      throw UsageError(
          fmt::format("accuracy matrix: image {} left at stage {} of {}", n, exits[n], probabilities.stages));
    }
    if (labels[n] < 0 || static_cast<std::size_t>(labels[n]) >= probabilities.classes) {
      throw UsageError(
          fmt::format("accuracy matrix: image {} has label {} of {} classes", n, labels[n], probabilities.classes));
    }
  }
}

}  // namespace

AccuracyMatrix accuracy_matrix(const StageProbabilities& probabilities, std::span<const int> exits,
                               std::span<const std::int32_t> labels) {
  check(probabilities, exits, labels);
  const std::size_t stages = probabilities.stages;
  std::vector<std::vector<std::int64_t>> right(stages, std::vector<std::int64_t>(stages));
  AccuracyMatrix matrix;
  matrix.images.resize(stages);
  for (std::size_t n = 0; n < exits.size(); ++n) {
    const auto exit = static_cast<std::size_t>(exits[n]);
    ++matrix.images[exit];
    for (std::size_t k = 0; k < stages; ++k) right[exit][k] += rank_of(probabilities.row(k, n), labels[n]) == 0;
  }
  matrix.top1.assign(stages, std::vector<std::optional<double>>(stages));
  matrix.top1_of_all.resize(stages);
  for (std::size_t exit = 0; exit < stages; ++exit) {
    if (matrix.images[exit] == 0) continue;
    for (std::size_t k = 0; k < stages; ++k) {
      const auto count = static_cast<double>(right[exit][k]);
      matrix.top1[exit][k] = count / static_cast<double>(matrix.images[exit]);
      matrix.top1_of_all[k] += count / static_cast<double>(exits.size());
    }
  }
  return matrix;
}

}  // namespace cascadecl
