// What a presented device says of itself.
#include <algorithm>
#include <cstring>
#include <sstream>

#include "tests/opencl_layer/present.h"

namespace opencl_layer {
namespace {

using Bytes = std::vector<char>;

template <class T>
Bytes bytes_of(const T& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Bytes bytes_of_text(const std::string& text) { return {text.c_str(), text.c_str() + text.size() + 1}; }

std::optional<Bytes> own_info(cl_device_id device, cl_device_info what) {
  size_t size = 0;
  if (below().clGetDeviceInfo(device, what, 0, nullptr, &size) != CL_SUCCESS) return std::nullopt;
  Bytes value(size);
  if (below().clGetDeviceInfo(device, what, size, value.data(), nullptr) != CL_SUCCESS) return std::nullopt;
  return value;
}

std::string own_text(cl_device_id device, cl_device_info what) {
  const std::optional<Bytes> value = own_info(device, what);
  return value && !value->empty() ? std::string(value->data()) : std::string();
}

template <class T>
T own_number(cl_device_id device, cl_device_info what) {
  T value = {};
  below().clGetDeviceInfo(device, what, sizeof value, &value, nullptr);
  return value;
}

cl_device_type type_of(cl_device_id device) {
  const Presentation* p = presentation_of(device);
  if (!p || p->device_class.empty()) return own_number<cl_device_type>(device, CL_DEVICE_TYPE);
  return p->device_class == "cpu" ? CL_DEVICE_TYPE_CPU : CL_DEVICE_TYPE_GPU;
}

std::string name_of(cl_device_id device, const Presentation& p) {
  if (!p.name.empty()) return p.name;
  return own_text(device, CL_DEVICE_NAME) + (p.device_class.empty() ? "" : " presented as " + p.device_class);
}

std::string extensions_of(cl_device_id device, const Presentation& p) {
  std::istringstream own(own_text(device, CL_DEVICE_EXTENSIONS));
  std::string kept;
  for (std::string word; own >> word;) {
    if ((word == "cl_khr_fp64" && !p.fp64) || (word == "cl_khr_fp16" && !p.fp16)) continue;
    kept += (kept.empty() ? "" : " ") + word;
  }
  return kept;
}

Bytes item_sizes(cl_device_id device, size_t work_group) {
  Bytes sizes = own_info(device, CL_DEVICE_MAX_WORK_ITEM_SIZES).value_or(Bytes());
  for (size_t at = 0; at + sizeof(size_t) <= sizes.size(); at += sizeof(size_t)) {
    size_t size = 0;
    std::memcpy(&size, sizes.data() + at, sizeof size);
    size = std::min(size, work_group);
    std::memcpy(sizes.data() + at, &size, sizeof size);
  }
  return sizes;
}

// A device of 32-bit addresses has less than 4 GiB.
cl_ulong memory_of(cl_device_id device, const Presentation& p, std::optional<cl_ulong> said, cl_device_info what) {
  const cl_ulong bytes = said.value_or(own_number<cl_ulong>(device, what));
  return p.address_bits == 32U ? std::min<cl_ulong>(bytes, 0xFFFF0000U) : bytes;
}

template <class T>
std::optional<Bytes> said(const std::optional<T>& value) {
  return value ? std::optional(bytes_of(*value)) : std::nullopt;
}

// Of numbers and limits; nothing where the device's own holds.
std::optional<Bytes> presented_number(cl_device_id device, const Presentation& p, cl_device_info what) {
  switch (what) {
    case CL_DEVICE_TYPE:
      return bytes_of(type_of(device));
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
      if (p.device_class.empty()) return std::nullopt;
      return bytes_of<cl_bool>(p.device_class == "gpu" ? CL_FALSE : CL_TRUE);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
      return said(p.compute_units);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
      return said(p.work_group);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
      return p.work_group ? std::optional(item_sizes(device, *p.work_group)) : std::nullopt;
    case CL_DEVICE_LOCAL_MEM_SIZE:
      return said(p.local_memory);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
      return bytes_of(memory_of(device, p, p.memory, what));
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
      return bytes_of(memory_of(device, p, p.allocation ? p.allocation : p.memory, what));
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
      return said(p.alignment_bits);
    case CL_DEVICE_ADDRESS_BITS:
      return said(p.address_bits);
    default:
      return std::nullopt;
  }
}

std::optional<Bytes> presented_text(cl_device_id device, const Presentation& p, cl_device_info what) {
  switch (what) {
    case CL_DEVICE_NAME:
      return bytes_of_text(name_of(device, p));
    case CL_DEVICE_VENDOR:
      return p.vendor.empty() ? std::nullopt : std::optional(bytes_of_text(p.vendor));
    case CL_DRIVER_VERSION:
      return p.driver.empty() ? std::nullopt : std::optional(bytes_of_text(p.driver));
    case CL_DEVICE_EXTENSIONS:
      return bytes_of_text(extensions_of(device, p));
    default:
      return std::nullopt;
  }
}

std::optional<Bytes> presented_floats(const Presentation& p, cl_device_info what) {
  switch (what) {
    case CL_DEVICE_DOUBLE_FP_CONFIG:
      return p.fp64 ? std::nullopt : std::optional(bytes_of<cl_device_fp_config>(0));
    case CL_DEVICE_HALF_FP_CONFIG:
      return p.fp16 ? std::nullopt : std::optional(bytes_of<cl_device_fp_config>(0));
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE:
      return p.fp64 ? std::nullopt : std::optional(bytes_of<cl_uint>(0));
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF:
      return p.fp16 ? std::nullopt : std::optional(bytes_of<cl_uint>(0));
    default:
      return std::nullopt;
  }
}

cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t room, void* out, size_t* needed) {
  if (const Presentation* p = presentation_of(device)) {
    std::optional<Bytes> value = presented_number(device, *p, what);
    if (!value) value = presented_text(device, *p, what);
    if (!value) value = presented_floats(*p, what);
    if (value) return give_info(value->data(), value->size(), room, out, needed);
  }
  return below().clGetDeviceInfo(device, what, room, out, needed);
}

std::vector<cl_device_id> devices_of_type(cl_platform_id platform, cl_device_type type) {
  std::vector<cl_device_id> devices = devices_of_platform(platform);
  std::erase_if(devices, [&](cl_device_id device) { return (type_of(device) & type) == 0; });
  if (type & CL_DEVICE_TYPE_DEFAULT && devices.empty()) devices = devices_of_platform(platform);
  return devices;
}

cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id* out,
                                  cl_uint* count) {
  const std::vector<cl_device_id> devices = devices_of_type(platform, type);
  if (devices.empty()) return CL_DEVICE_NOT_FOUND;
  if (count) *count = static_cast<cl_uint>(devices.size());
  if (out) std::copy_n(devices.begin(), std::min<size_t>(room, devices.size()), out);
  return CL_SUCCESS;
}

cl_context CL_API_CALL create_context_from_type(const cl_context_properties* properties, cl_device_type type,
                                                void(CL_CALLBACK* notify)(const char*, const void*, size_t, void*),
                                                void* user, cl_int* status) {
  cl_platform_id platform = nullptr;
  for (const cl_context_properties* p = properties; p && *p; p += 2) {
    if (*p == CL_CONTEXT_PLATFORM) std::memcpy(&platform, p + 1, sizeof(cl_platform_id));
  }
  const std::vector<cl_device_id> devices = devices_of_type(platform, type);
  if (!devices.empty()) {
    return below().clCreateContext(properties, static_cast<cl_uint>(devices.size()), devices.data(), notify, user,
                                   status);
  }
  if (status) *status = CL_DEVICE_NOT_FOUND;
  return nullptr;
}

}  // namespace

void replace_device_queries(cl_icd_dispatch& entries) {
  entries.clGetDeviceInfo = get_device_info;
  entries.clGetDeviceIDs = get_device_ids;
  entries.clCreateContextFromType = create_context_from_type;
}

}  // namespace opencl_layer
