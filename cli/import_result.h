#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/dataset_file.h"
#include "data/import/image_folder.h"

namespace cascadecl {

// What `data import` has to tell.
struct ImportResult {
  DatasetFacts facts;
  std::optional<ImageFolderResult> files;  // of imports of image files
  std::vector<std::string> notes;
};

void print_import_result(const ImportResult& result, bool json);

}  // namespace cascadecl
