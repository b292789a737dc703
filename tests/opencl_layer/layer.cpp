#include "tests/opencl_layer/layer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace opencl_layer {
namespace {

constexpr cl_uint entry_count = sizeof(cl_icd_dispatch) / sizeof(void*);

cl_icd_dispatch& target() {
  static cl_icd_dispatch table = {};
  return table;
}

std::map<cl_device_id, std::string> list_positions() {
  std::map<cl_device_id, std::string> positions;
  cl_uint platform_count = 0;
  if (below().clGetPlatformIDs(0, nullptr, &platform_count) != CL_SUCCESS) return positions;
  std::vector<cl_platform_id> platforms(platform_count);
  below().clGetPlatformIDs(platform_count, platforms.data(), nullptr);
  for (std::size_t p = 0; p < platforms.size(); ++p) {
    const std::vector<cl_device_id> devices = devices_of_platform(platforms[p]);
    for (std::size_t d = 0; d < devices.size(); ++d)
      positions.emplace(devices[d], std::to_string(p) + "." + std::to_string(d));
  }
  return positions;
}

template <class Ask>
std::vector<cl_device_id> device_list(Ask ask) {
  size_t bytes = 0;
  if (ask(0, nullptr, &bytes) != CL_SUCCESS) return {};
  std::vector<cl_device_id> devices(bytes / sizeof(cl_device_id));
  if (ask(bytes, devices.data(), nullptr) != CL_SUCCESS) return {};
  return devices;
}

}  // namespace

const cl_icd_dispatch& below() { return target(); }

std::vector<cl_device_id> devices_of_platform(cl_platform_id platform) {
  cl_uint count = 0;
  if (below().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS) return {};
  std::vector<cl_device_id> devices(count);
  if (below().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices.data(), nullptr) != CL_SUCCESS) return {};
  return devices;
}

std::vector<cl_device_id> devices_of(cl_context context) {
  return device_list([&](size_t room, void* out, size_t* needed) {
    return below().clGetContextInfo(context, CL_CONTEXT_DEVICES, room, out, needed);
  });
}

std::vector<cl_device_id> devices_of(cl_program program) {
  return device_list([&](size_t room, void* out, size_t* needed) {
    return below().clGetProgramInfo(program, CL_PROGRAM_DEVICES, room, out, needed);
  });
}

cl_device_id device_of(cl_command_queue queue) {
  cl_device_id device = nullptr;
  below().clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof(cl_device_id), static_cast<void*>(&device), nullptr);
  return device;
}

cl_context context_of(cl_mem memory) {
  cl_context context = nullptr;
  below().clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof(cl_context), static_cast<void*>(&context), nullptr);
  return context;
}

std::string position_of(cl_device_id device) {
  static const std::map<cl_device_id, std::string> positions = list_positions();
  const auto found = positions.find(device);
  return found == positions.end() ? std::string() : found->second;
}

cl_int give_info(const void* value, size_t bytes, size_t room, void* out, size_t* needed) {
  if (needed) *needed = bytes;
  if (!out) return CL_SUCCESS;
  if (room < bytes) return CL_INVALID_VALUE;
  std::memcpy(out, value, bytes);
  return CL_SUCCESS;
}

void refuse_setting(const char* variable, const std::string& text, const std::string& why) {
  std::fprintf(stderr, "%s: '%s' %s\n", variable, text.c_str(), why.c_str());
  std::_Exit(99);
}

}  // namespace opencl_layer

// What the loader calls when it loads a layer.
extern "C" {

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void* out, size_t* needed) {
  const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  if (what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
  return opencl_layer::give_info(&version, sizeof version, room, out, needed);
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch* below, cl_uint* own_count,
                                            const cl_icd_dispatch** own) {
  static cl_icd_dispatch entries = {};
  if (!below || !own_count || !own) return CL_INVALID_VALUE;
  const cl_uint known = std::min(count, opencl_layer::entry_count);
  std::memcpy(&opencl_layer::target(), below, known * sizeof(void*));
  entries = opencl_layer::below();
  opencl_layer::replace_entries(entries);
  *own_count = known;
  *own = &entries;
  return CL_SUCCESS;
}
}
