#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cascadecl {

// Images whose confidence, the largest label probability, lies in (low, high]; the first bin includes 0.
struct ReliabilityBin {
  double low = 0, high = 0;
  std::int64_t images = 0;
  std::optional<double> confidence, accuracy;  // means over the images; empty without any
};

// Whether a classifier is right as often as it claims. Bins and errors are those of Guo et al. 2017.
struct Reliability {
  std::vector<ReliabilityBin> bins;       // equally wide, from 0 to 1
  double mean_confidence = 0, top1 = 0;   // over all images
  double expected_calibration_error = 0;  // mean over images of |accuracy - confidence| of their bin, 0..1
  double largest_calibration_error = 0;   // the largest |accuracy - confidence| of a bin with images
};

// rows [labels.size()][classes]: label probabilities. Throws ShapeError if the sizes do not fit each other or there is
// no image, UsageError if bins is below 1 or a label is out of range.
Reliability reliability(std::span<const float> rows, std::span<const std::int32_t> labels, int bins = 15);

}  // namespace cascadecl
