#include "tests/cli/predictions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/files/hdf5_file.h"

namespace cascadecl::testing {

StagePredictions::StagePredictions(const std::string& file, int stages, int images) {
  const Hdf5Reader reader(file);
  exits = reader.read<int>("/exit_stage", {images});
  probabilities = reader.read<float>("/probabilities", {stages, images, 10});
}

float largest_difference(const StagePredictions& a, const StagePredictions& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.probabilities.size(); ++i) {
    const float x = a.probabilities[i], y = b.probabilities.at(i);
    if (std::isnan(x) && std::isnan(y)) continue;
    const float difference = std::abs(x - y);
    largest = std::isnan(difference) ? std::numeric_limits<float>::infinity() : std::max(largest, difference);
  }
  return largest;
}

}  // namespace cascadecl::testing
