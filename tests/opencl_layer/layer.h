#pragma once
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_layer.h>

#include <string>
#include <vector>

// What the layers of this folder share. A layer is a shared library that the loader puts between a program and the
// drivers: OPENCL_LAYERS=first.so:second.so, the last one nearest to the program. It replaces entries of the table of
// OpenCL's functions and calls the table below it. A layer has no place to keep its state but the process: `below` and
// the settings live in functions' statics.
namespace opencl_layer {

// The table of the layer below, or the loader's.
const cl_icd_dispatch& below();

// Replaces the entries that a layer watches; each layer library defines it. `entries` begins as a copy of below().
void replace_entries(cl_icd_dispatch& entries);

// Empty where a call below fails.
std::vector<cl_device_id> devices_of(cl_context context);
std::vector<cl_device_id> devices_of_platform(cl_platform_id platform);
std::vector<cl_device_id> devices_of(cl_program program);
cl_device_id device_of(cl_command_queue queue);
cl_context context_of(cl_mem memory);

// "PLATFORM.DEVICE" as in cascadecl's ocl:PLATFORM.DEVICE; empty for a device that no platform lists.
std::string position_of(cl_device_id device);

// Writes a value the way clGet...Info functions do.
cl_int give_info(const void* value, size_t bytes, size_t room, void* out, size_t* needed);

// A setting that cannot be understood ends the process: a test must not go on without what it asked for.
[[noreturn]] void refuse_setting(const char* variable, const std::string& text, const std::string& why);

}  // namespace opencl_layer
