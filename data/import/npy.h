#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/files/archive.h"

namespace cascadecl {

// What a .npy file says about its array before the numbers come.
struct NpyHeader {
  std::string type;                 // "|u1", "<i8"
  std::vector<std::int64_t> shape;  // no negative sizes; [] is one number
  bool column_major = false;
};

// Reads the header of the .npy file (format 1, 2 or 3) that the archive stands at the beginning of; its numbers are
// read next. Throws FileError if it is none.
NpyHeader read_npy_header(Archive& archive);

}  // namespace cascadecl
