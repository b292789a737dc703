#pragma once
#include <string_view>

#include "data/files/hdf5_file.h"
#include "runtime/network/parameters.h"

namespace cascadecl {

// Float arrays by name as data sets GROUP/KEY; a '/' in a key makes a group. Used for weights in model files and for
// whatever else has the shape of parameters (optimiser state in checkpoints).

// Writes exactly the arrays that `shapes` lists. Throws ShapeError if one is missing in `arrays` or of another size,
// and OutputError.
void write_arrays(Hdf5Writer& file, std::string_view group, const ParameterShapes& shapes, const Parameters& arrays);

// Reads them back. Throws FileError if one is missing, of another type or shape, or holds a value that is not finite,
// or if the group holds anything that is not listed.
Parameters read_arrays(const Hdf5Reader& file, std::string_view group, const ParameterShapes& shapes);

}  // namespace cascadecl
