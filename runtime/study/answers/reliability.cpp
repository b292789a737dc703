#include "runtime/study/answers/reliability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"

namespace cascadecl {
namespace {

struct BinSums {
  std::int64_t images = 0, right = 0;
  double confidence = 0;
};

void check(std::span<const float> probabilities, std::span<const std::int32_t> labels, std::size_t classes, int bins) {
  if (labels.empty() || classes == 0 || probabilities.size() != labels.size() * classes) {
    throw ShapeError(fmt::format("reliability: {} probabilities for {} images of {} classes", probabilities.size(),
                                 labels.size(), classes));
  }
  if (bins < 1) throw UsageError(fmt::format("reliability: {} bins, expected at least 1", bins));
  for (const std::int32_t label : labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= classes) {
      throw UsageError(fmt::format("reliability: label {}, expected 0..{}", label, classes - 1));
    }
  }
}

std::vector<BinSums> sum_bins(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                              std::size_t classes, std::size_t bins) {
  std::vector<BinSums> sums(bins);
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = probabilities.subspan(n * classes, classes);
    const auto largest = std::max_element(row.begin(), row.end());
    const double confidence = std::clamp(static_cast<double>(*largest), 0.0, 1.0);
    BinSums& bin = sums[std::min(static_cast<std::size_t>(confidence * static_cast<double>(bins)), bins - 1)];
    ++bin.images;
    bin.right += largest - row.begin() == labels[n];
    bin.confidence += confidence;
  }
  return sums;
}

}  // namespace

Reliability reliability(std::span<const float> probabilities, std::span<const std::int32_t> labels, std::size_t classes,
                        int bins) {
  check(probabilities, labels, classes, bins);
  Reliability result;
  const auto total = static_cast<double>(labels.size());
  const std::vector<BinSums> sums = sum_bins(probabilities, labels, classes, static_cast<std::size_t>(bins));
  for (std::size_t b = 0; b < sums.size(); ++b) {
    ReliabilityBin bin{.low = static_cast<double>(b) / bins, .high = static_cast<double>(b + 1) / bins};
    bin.images = sums[b].images;
    if (bin.images > 0) {
      const auto images = static_cast<double>(bin.images);
      bin.confidence = sums[b].confidence / images;
      bin.accuracy = static_cast<double>(sums[b].right) / images;
      const double gap = std::abs(*bin.accuracy - *bin.confidence);
      result.mean_confidence += sums[b].confidence / total;
      result.top1 += static_cast<double>(sums[b].right) / total;
      result.expected_calibration_error += gap * images / total;
      result.largest_calibration_error = std::max(result.largest_calibration_error, gap);
    }
    result.bins.push_back(bin);
  }
  return result;
}

}  // namespace cascadecl
