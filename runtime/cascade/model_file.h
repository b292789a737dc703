#pragma once
#include <filesystem>

#include "data/files/hdf5_file.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// Reads a model file (share/doc/model-file.md) and checks everything in it: ranks, types, sizes, finite weights, the
// same classes in all stages. Throws FileError naming file, field and what was expected. Never allocates more than the
// size of the file justifies.
Model read_model(const std::filesystem::path& path);
// The same for an open file. Other groups in it, such as a checkpoint's, are ignored.
Model read_model(const Hdf5Reader& file);

// Writes beside the target, syncs and renames: a crash leaves the old file. Throws ShapeError as check_model() does,
// and OutputError.
void write_model(const std::filesystem::path& path, const Model& model);
// The same into a file that gets further groups; the caller commits it.
void write_model(Hdf5Writer& file, const Model& model);

}  // namespace cascadecl
