#pragma once
// Private to hdf5_reader.cpp: strings of variable length, which HDF5 keeps in heaps of the file. HDF5 itself believes
// what a heap says of its sizes, and a damaged one ends the process. So the heap is read here.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/files/hdf5_handle.h"

namespace cascadecl::hdf5 {

// The `count` strings of an attribute whose type is a string of variable length. Throws FileError without a place
// ("string 2 of 10: ..."), for the caller to name it.
std::vector<std::string> variable_strings(const Handle& file, const std::filesystem::path& path,
                                          const Handle& attribute, std::size_t count);

}  // namespace cascadecl::hdf5
