#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/files/hdf5_file.h"

namespace cascadecl {

// The dataset file of share/doc/dataset-file.md.
constexpr int dataset_format_version = 1;

// `--data FILE[:split]`. split is empty if none was named: the command chooses.
struct DataSpec {
  std::filesystem::path file;
  std::string split;
};

// Letters, digits, _ and -.
bool is_split_name(std::string_view name);

// If the text is the name of an existing file, it means that file, even with a colon in it. Throws UsageError if file
// or split is empty, or if the split is no plain name.
DataSpec parse_data_spec(std::string_view text);

struct DatasetMemory {
  // Decompressed images are kept up to this size. Larger splits are best read by blocks (Dataset::block).
  std::int64_t limit_bytes = std::int64_t{2} << 30;
};

// Opens a split ("train", "test", ...). It checks everything but the pixels: header, types, shapes, labels. Pixels are
// read and decompressed by chunks when they are first wanted. Throws FileError naming file, object, what was expected
// and what was found.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& file, std::string_view split,
                                      DatasetMemory memory = {});

// The header alone, with the names of the splits. Throws like open_dataset.
struct DatasetOutline {
  DatasetHeader header;
  std::vector<std::string> splits;  // ascending
};
DatasetOutline read_outline(const Hdf5Reader& reader);

// Facts about a file, for people: `data info`.
struct DatasetFacts {
  struct Split {
    std::string name;
    std::int64_t images = 0;
    std::vector<std::int64_t> per_class;  // [classes]
    std::int64_t chunk_images = 0;        // 0: stored in one piece
    std::vector<std::string> filters;
    std::int64_t stored_bytes = 0;  // of the images, compressed
  };
  DatasetHeader header;
  std::vector<Split> splits;
  std::int64_t file_bytes = 0;
};

// Throws like open_dataset.
DatasetFacts describe_dataset(const std::filesystem::path& file);

}  // namespace cascadecl
