#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/import/labelled_files.h"

namespace cascadecl {

// What the folders in SOURCE are. automatic: splits if one is called train and has folders in it, and all are called as
// splits are (train, test, val, valid, validation, dev, in any case of letters); otherwise classes.
enum class FolderLayout { automatic, splits, classes };

// What an import of a folder left out, each list in the order of the folders.
struct LeftOut {
  std::vector<std::filesystem::path> others;   // files that are not called as images are
  std::vector<std::filesystem::path> hidden;   // hidden files and folders, and folders __MACOSX
  std::vector<std::filesystem::path> outside;  // files, and links that lead nowhere, beside the folders of the classes
  std::vector<std::filesystem::path> circles;  // links to a folder that they lie in
};

struct ImageFolderResult : ImportedFiles {
  LeftOut left_out;
  std::vector<std::string> unlabelled;  // splits left out, as there is no folder of a class in them
};

// Makes a dataset from image files in folders named by class: SOURCE/train/CLASS/..., SOURCE/test/CLASS/... and further
// splits, or SOURCE/CLASS/..., which all become train; see FolderLayout. Files lie in the class's folder or in
// folders below. Hidden files and folders do not count. Classes are the folders' names in byte order, those of train
// where there are splits; splits are called as their folders, in small letters. Images are in the order of class and
// path. Each image is read by read_network_image(). Throws FileError if there is no class, if the layout
// cannot be told, if a split holds a class that train does not have, or if a split has no image that can be read;
// UsageError if dims do not fit; OutputError if `target` cannot be written.
ImageFolderResult import_image_folder(const std::filesystem::path& source, const std::filesystem::path& target,
                                      const ImageFilesSettings& settings = {},
                                      FolderLayout layout = FolderLayout::automatic);

}  // namespace cascadecl
