#pragma once
#include <string>
#include <vector>

namespace cascadecl::testing {

// What predictions of two runs are held against each other by.
struct StagePredictions {
  StagePredictions(const std::string& file, int stages, int images);
  std::vector<int> exits;
  std::vector<float> probabilities;  // [K][N][10], NaN where a stage was not visited
};

// The largest difference of label probabilities; infinite where one run visited a stage and the other did not.
float largest_difference(const StagePredictions& a, const StagePredictions& b);

}  // namespace cascadecl::testing
