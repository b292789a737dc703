#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/import/array_import.h"

namespace cascadecl {

// Imports a zip of .npy files. These pairs of arrays of images and labels are looked for: x_train and y_train, x_val
// and y_val, x_test and y_test, as Keras calls them; train_images and train_labels, and so on; images and labels, which
// become train. Images are uint8 [N][rows][columns], with 1 or 3 channels as the second or the last axis. Labels are
// whole numbers [N] or [N][1]. `label_names` as in ArrayImport. Throws FileError naming the file, the array, what was
// expected and what was found; and as import_arrays().
void import_npz(const std::filesystem::path& file, const std::vector<std::string>& label_names,
                std::optional<ImageDims> dims, const std::filesystem::path& target, const ImportSettings& settings);

}  // namespace cascadecl
