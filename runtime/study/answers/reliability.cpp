#include "runtime/study/answers/reliability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "runtime/cascade/combine.h"
#include "runtime/study/answers/accuracy.h"

namespace cascadecl {
namespace {

struct BinSums {
  std::int64_t images = 0, right = 0;
  double confidence = 0;
  double surplus = 0;  // of right over confidence, image by image
};

std::size_t classes_of(std::span<const float> rows, std::span<const std::int32_t> labels) {
  if (labels.empty() || rows.empty() || rows.size() % labels.size() != 0)
    throw ShapeError(fmt::format("reliability: {} probabilities for {} labels", rows.size(), labels.size()));
  const std::size_t classes = rows.size() / labels.size();
  for (const std::int32_t label : labels)
    if (label < 0 || static_cast<std::size_t>(label) >= classes)
      throw UsageError(fmt::format("reliability: label {}, expected 0..{}", label, classes - 1));
  return classes;
}

std::vector<BinSums> sum_bins(std::span<const float> rows, std::span<const std::int32_t> labels, int bins) {
  const std::size_t classes = classes_of(rows, labels);
  std::vector<BinSums> sums(static_cast<std::size_t>(bins));
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = rows.subspan(n * classes, classes);
    const double confidence = std::clamp(static_cast<double>(*std::ranges::max_element(row)), 0.0, 1.0);
    const bool right = rank_of(row, labels[n]) == 0;
    const int place = std::max(static_cast<int>(std::ceil(confidence * bins)) - 1, 0);
    BinSums& bin = sums[static_cast<std::size_t>(place)];
    ++bin.images;
    bin.right += right;
    bin.confidence += confidence;
    bin.surplus += (right ? 1 : 0) - confidence;
  }
  return sums;
}

}  // namespace

Reliability reliability(std::span<const float> rows, std::span<const std::int32_t> labels, int bins) {
  if (bins < 1) throw UsageError(fmt::format("reliability: {} bins, expected at least 1", bins));
  const std::vector<BinSums> sums = sum_bins(rows, labels, bins);
  const auto total = static_cast<double>(labels.size());
  Reliability result;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    ReliabilityBin bin{.low = static_cast<double>(b) / bins, .high = static_cast<double>(b + 1) / bins};
    bin.images = sums[b].images;
    if (bin.images > 0) {
      const auto images = static_cast<double>(bin.images);
      bin.confidence = sums[b].confidence / images;
      bin.accuracy = static_cast<double>(sums[b].right) / images;
      result.mean_confidence += sums[b].confidence / total;
      result.top1 += static_cast<double>(sums[b].right) / total;
      result.expected_calibration_error += std::abs(sums[b].surplus);
      result.largest_calibration_error =
          std::max(result.largest_calibration_error, std::abs(*bin.accuracy - *bin.confidence));
    }
    result.bins.push_back(bin);
  }
  result.expected_calibration_error /= total;
  return result;
}

}  // namespace cascadecl
