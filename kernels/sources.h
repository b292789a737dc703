#pragma once
#include <map>
#include <string>

namespace cascadecl {

// The OpenCL C text of every kernel file, by file name ("conv_direct.cl"), with its headers put in place.
const std::map<std::string, std::string, std::less<>>& kernel_sources();

}  // namespace cascadecl
