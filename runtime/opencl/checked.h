#pragma once
#include <fmt/format.h>

#include <string>

#include "data/files/error.h"
#include "runtime/opencl/device_info.h"
#include "runtime/opencl/status.h"

namespace cascadecl {

// Makes calls of OpenCL's C++ bindings and returns what they return. Where they throw, it throws DeviceError: "device
// A: opening failed: clCreateContext returned CL_OUT_OF_HOST_MEMORY (-6)".
template <class Call>
auto checked(const DeviceInfo& device, const std::string& what, Call call) {
  try {
    return call();
  } catch (const cl::Error& error) {
    throw DeviceError(
        fmt::format("device {}: {} failed: {} returned {}", device.name, what, error.what(), status_name(error.err())));
  }
}

}  // namespace cascadecl
