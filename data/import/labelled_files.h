#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/import/array_import.h"

namespace cascadecl {

// Image files with a label each: what an import of a folder or of a list comes to.
struct LabelledFiles {
  struct Split {
    std::vector<std::filesystem::path> files;
    std::vector<std::int32_t> labels;  // of each file
  };
  std::string name;  // of the dataset
  std::vector<std::string> label_names;
  std::map<std::string, Split> splits;  // each with a file at least
};

struct ImageFilesSettings {
  ImageDims dims{3, 32, 32};  // of the dataset's images; 3 channels (RGB) or 1 (gray)
  bool strict = false;        // a broken image ends the import with its FileError instead of being skipped
  int threads = 0;            // of decoding; 0: one for each core
  ImportSettings common;
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // called on the calling thread, if set
};

struct ImportedFiles {
  struct Skipped {
    std::filesystem::path file;
    std::string problem;
  };
  std::int64_t images = 0;       // in the dataset
  std::vector<Skipped> skipped;  // broken images, in the order of the files
};

// Throws UsageError unless there are 1 or 3 channels and sides of 1 to 4096 pixels.
void check_image_dims(ImageDims dims);

// Writes the dataset; each image is read by read_network_image(), and the order stays. With a test_share, images of
// train go to test first. Errors begin with `source`. Throws FileError if no image of a split can be read, or if
// test_share cannot be had; UsageError as check_image_dims(); OutputError if `target` cannot be written.
ImportedFiles import_labelled_files(const std::filesystem::path& source, LabelledFiles files,
                                    const std::filesystem::path& target, const ImageFilesSettings& settings);

}  // namespace cascadecl
