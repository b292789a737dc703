#pragma once
#include <filesystem>

#include "runtime/cascade/model.h"

namespace cascadecl {

// Reads a model file (share/doc/model-file.md) and checks all of it: ranks, types, sizes, finite weights, classes alike
// in all stages. Throws FileError naming file, field and what was expected; never allocates more than the file justifies.
Model read_model(const std::filesystem::path& path);

// Writes beside the target, syncs and renames: a crash leaves the old file. Throws OutputError.
void write_model(const std::filesystem::path& path, const Model& model);

}  // namespace cascadecl
