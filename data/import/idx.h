#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/import/array_import.h"

namespace cascadecl {

// Imports files in the format of MNIST from `folder`: images "...train-images-idx3-ubyte", labels
// "...train-labels-idx1-ubyte", and the same with t10k or test for the split test, which may be missing. A dot may
// stand for the last "-" but one ("train-images.idx3-ubyte"), other text before it all ("emnist-letters-train-..."),
// and each may be compressed (".gz"). Images are gray, [1][rows][columns]. `label_names` as in ArrayImport. Throws
// FileError naming the file, what was expected and what was found; and as import_arrays().
void import_idx(const std::filesystem::path& folder, const std::vector<std::string>& label_names,
                std::optional<ImageDims> dims, const std::filesystem::path& target, const ImportSettings& settings);

}  // namespace cascadecl
