#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/files/hdf5_file.h"
#include "runtime/cascade/executor.h"

namespace cascadecl {

constexpr int predictions_format_version = 1;

// What stands in the attributes of a predictions file.
struct PredictionsHeader {
  std::int64_t images = 0;
  int classes = 0;
  std::vector<std::string> networks, label_names;
  std::string stop, combine, device, precision;
};

// Writes the file of share/doc/predictions.md, results piece by piece. It replaces `target` on commit(). All functions
// throw OutputError.
class PredictionsWriter {
 public:
  PredictionsWriter(const std::filesystem::path& target, const PredictionsHeader& header);
  void append(const CascadeResult& result);  // the next images; all pieces together header.images
  void commit();

 private:
  Hdf5Writer file_;
  std::int64_t images_, written_ = 0;
  int classes_;
  std::size_t stages_;
  std::vector<float> probabilities_, stop_probability_;  // [K][N][classes], [K][N]: a piece has rows in every stage
};

}  // namespace cascadecl
