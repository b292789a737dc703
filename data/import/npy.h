#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/files/archive.h"

namespace cascadecl {

// What a .npy file says about its array, before the numbers.
struct NpyHeader {
  std::string type;                 // "|u1", "<i8"
  std::vector<std::int64_t> shape;  // no negative sizes; [] is one number
  bool column_major = false;
};

// Reads the header of a .npy file (format 1, 2 or 3). The archive stands at the file's beginning, and afterwards at its
// numbers. Throws FileError if the file is none.
NpyHeader read_npy_header(Archive& archive);

}  // namespace cascadecl
