#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/study/answers/label_probabilities.h"

namespace cascadecl {

// The accuracy of each stage on the images that left at each stage (paper, Figure 4). K stages.
struct AccuracyMatrix {
  std::vector<std::int64_t> images;                      // [K], that left at stage k
  std::vector<std::vector<std::optional<double>>> top1;  // [K exits][K stages]; empty where no image left
  std::vector<double> top1_of_all;                       // [K] each stage on all images
};

// exits [N]: where each image left, 0..K-1; labels [N]. Throws ShapeError if the sizes differ or there is no image,
// UsageError if an exit or label is out of range.
AccuracyMatrix accuracy_matrix(const StageProbabilities& probabilities, std::span<const int> exits,
                               std::span<const std::int32_t> labels);

}  // namespace cascadecl
