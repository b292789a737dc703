#pragma once
#include <string_view>

#include "data/files/hdf5_file.h"
#include "runtime/network/parameters.h"

namespace cascadecl {

// Float arrays by name, stored as data sets GROUP/KEY; a '/' in a key makes a group. For weights in model files, and
// for everything else with the shape of parameters, like optimiser state in checkpoints.

// Writes exactly the arrays that `shapes` lists. Throws ShapeError if one is missing in `arrays` or of another size,
// and OutputError.
void write_arrays(Hdf5Writer& file, std::string_view group, const ParameterShapes& shapes, const Parameters& arrays);

// Reads them back. Throws FileError if one is missing, of another type or shape, or holds a value that is not finite,
// or if the group holds anything that is not listed.
Parameters read_arrays(const Hdf5Reader& file, std::string_view group, const ParameterShapes& shapes);

}  // namespace cascadecl
