#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/files/hdf5_file.h"

namespace cascadecl {

// Writes a dataset file that replaces `target` on commit(). Splits are written one after the other, each in pieces of
// any size. All functions throw OutputError (full disk, ...), ShapeError if images and labels do not fit the header.
class DatasetWriter {
 public:
  struct Settings {
    int chunk_images = 64;
    int deflate = 4;  // 1 (fast) to 9 (small)
  };

  // If header.mean and header.std are empty, they are computed from the split "train" (all splits if there is none).
  DatasetWriter(const std::filesystem::path& target, DatasetHeader header)
      : DatasetWriter(target, std::move(header), Settings{}) {}
  DatasetWriter(const std::filesystem::path& target, DatasetHeader header, Settings settings);

  void begin_split(std::string_view name, std::int64_t images);  // images > 0
  void append(std::span<const std::uint8_t> images, std::span<const std::int32_t> labels);
  // One of the announced images does not come.
  void skip();
  void commit();

 private:
  void end_split();
  void write_chunks(bool all);

  DatasetHeader header_;
  Settings settings_;
  Hdf5Writer file_;
  PixelStatistics train_, all_;
  std::string split_;
  std::int64_t split_size_ = 0, skipped_ = 0, written_ = 0;
  std::vector<std::uint8_t> images_;  // not yet written: less than a chunk, between calls
  std::vector<std::int32_t> labels_;  // of the split so far
};

}  // namespace cascadecl
