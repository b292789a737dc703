#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset_writer.h"

namespace cascadecl {

// What the folders in SOURCE are. automatic: splits if one is called train and has folders in it, and all are called as
// splits are (train, test, val, valid, validation, dev, in any case of letters); otherwise classes.
enum class FolderLayout { automatic, splits, classes };

struct ImageFolderSettings {
  ImageDims dims{3, 32, 32};  // of the dataset's images; 3 channels (RGB) or 1 (gray)
  FolderLayout layout = FolderLayout::automatic;
  bool strict = false;  // a broken image ends the import with its FileError instead of being skipped
  int threads = 0;      // of decoding; 0: one for each core
  DatasetWriter::Settings storage;
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // called on the calling thread, if set
};

// What an import left out. Both lists are in the order of the files.
struct ImageFolderResult {
  struct Skipped {
    std::filesystem::path file;
    std::string problem;
  };
  std::int64_t images = 0;                     // in the dataset
  std::vector<Skipped> skipped;                // broken images
  std::vector<std::filesystem::path> ignored;  // files that are not called as images are
  std::vector<std::string> unlabelled;         // splits left out, as there is no folder of a class in them
};

// Makes a dataset from image files in folders named by class: SOURCE/train/CLASS/..., SOURCE/test/CLASS/... and further
// splits, or SOURCE/CLASS/..., which all become train; see FolderLayout. Files lie in the class's folder or in
// folders below. Hidden files and folders do not count. Classes are the folders' names in byte order, those of train
// where there are splits; splits are called as their folders, in small letters. Images are in the order of class and
// path. Each image is read by read_network_image(). Throws FileError if there is no class, if the layout
// cannot be told, if a split holds a class that train does not have, or if a split has no image that can be read;
// UsageError if dims do not fit; OutputError if `target` cannot be written.
ImageFolderResult import_image_folder(const std::filesystem::path& source, const std::filesystem::path& target,
                                      const ImageFolderSettings& settings = {});

}  // namespace cascadecl
