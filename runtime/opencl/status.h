#pragma once
#include <string>

#include "runtime/opencl/opencl.h"

namespace cascadecl {

// An error code of OpenCL 1.2 for people: "CL_OUT_OF_RESOURCES (-5)". An unknown code is "OpenCL error -9999".
std::string status_name(cl_int status);

}  // namespace cascadecl
