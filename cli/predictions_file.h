#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/files/hdf5_file.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/executor.h"

namespace cascadecl {

constexpr int predictions_format_version = 1;

// Writes the file of share/doc/predictions.md, results piece by piece. It replaces `target` on commit(). All functions
// throw OutputError.
class PredictionsWriter {
 public:
  // images: as many as may come. device: the names of those that run.
  PredictionsWriter(const std::filesystem::path& target, const ChosenCascade& cascade, const std::string& device,
                    std::int64_t images);
  void append(const CascadeResult& result);  // the next images
  // names: of the files that the images came from, one for each; none if they came from a dataset.
  void commit(const std::vector<std::string>& names = {});

 private:
  // Of all images so far, of one stage. Kept until the end, as a data set has them stage by stage.
  struct StageRows {
    std::vector<float> probabilities, stop_probability;  // [N][classes], [N]
  };

  Hdf5Writer file_;
  std::int64_t classes_;
  std::vector<StageRows> stages_;
  std::vector<std::int32_t> exit_stage_;
  std::vector<float> answer_;  // [N][classes]
};

}  // namespace cascadecl
