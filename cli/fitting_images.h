#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// Images for fitting thresholds, temperatures and policies: ones that the stages were not fitted to, and no test
// images.
struct FittingImages {
  std::shared_ptr<const Dataset> dataset;
  std::string split;
  std::vector<std::int64_t> indices;
  std::string description() const;  // "5,000 held-out images of train"
};

// Of `FILE[:split]`: without a split or with "train" those that the model's training held out, else all of the split.
// Throws UsageError for the split "test" and as held_out_images(), FileError.
FittingImages fitting_images(const Model& model, const std::string& data, bool quiet);

// What identifies a split of a file: path, size and time of change.
std::string data_key(const std::string& data, const std::string& split);
// The file and split of `--data FILE[:split]` as "FILE:split".
std::string data_name(const std::string& data, const std::string& split);

}  // namespace cascadecl
