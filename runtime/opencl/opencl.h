#pragma once
// The one place that includes OpenCL's C++ bindings (exceptions on, OpenCL 1.2 as the least version).
#include <CL/opencl.hpp>
