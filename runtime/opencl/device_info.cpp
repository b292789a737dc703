#include "runtime/opencl/device_info.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "data/files/error.h"
#include "runtime/opencl/serial_device.h"

namespace cascadecl {
namespace {

DeviceClass classify(const cl::Device& device) {
  const cl_device_type type = device.getInfo<CL_DEVICE_TYPE>();
  if (type & CL_DEVICE_TYPE_CPU) return DeviceClass::cpu;
  if (!(type & CL_DEVICE_TYPE_GPU)) return DeviceClass::other;
  cl_bool unified = CL_FALSE;
  device.getInfo(CL_DEVICE_HOST_UNIFIED_MEMORY, &unified);
  return unified ? DeviceClass::igpu : DeviceClass::gpu;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

DeviceInfo describe(const cl::Platform& platform, const cl::Device& device) {
  DeviceInfo info;
  info.handle = device;
  info.device_class = classify(device);
  info.name = trimmed(device.getInfo<CL_DEVICE_NAME>());
  info.vendor = trimmed(device.getInfo<CL_DEVICE_VENDOR>());
  info.platform_name = trimmed(platform.getInfo<CL_PLATFORM_NAME>());
  info.opencl_version = trimmed(device.getInfo<CL_DEVICE_VERSION>());
  info.driver_version = trimmed(device.getInfo<CL_DRIVER_VERSION>());
  info.compute_units = device.getInfo<CL_DEVICE_MAX_COMPUTE_UNITS>();
  info.native_float_width = device.getInfo<CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT>();
  info.global_memory_bytes = device.getInfo<CL_DEVICE_GLOBAL_MEM_SIZE>();
  info.local_memory_bytes = device.getInfo<CL_DEVICE_LOCAL_MEM_SIZE>();
  info.max_allocation_bytes = device.getInfo<CL_DEVICE_MAX_MEM_ALLOC_SIZE>();
  info.max_work_group_size = device.getInfo<CL_DEVICE_MAX_WORK_GROUP_SIZE>();
  info.alignment_bytes = std::max<std::size_t>(device.getInfo<CL_DEVICE_MEM_BASE_ADDR_ALIGN>() / 8, 1);
  const std::string extensions = device.getInfo<CL_DEVICE_EXTENSIONS>();
  info.fp64 = extensions.find("cl_khr_fp64") != std::string::npos;
  info.full_profile = trimmed(device.getInfo<CL_DEVICE_PROFILE>()) == "FULL_PROFILE";
  info.fp16 = extensions.find("cl_khr_fp16") != std::string::npos;
  return info;
}

std::vector<cl::Platform> all_platforms() {
  std::vector<cl::Platform> platforms;
  try {
    cl::Platform::get(&platforms);
  } catch (const cl::Error&) {  // the loader's way to say that there is none
  }
  return platforms;
}

// A platform that cannot be asked is left out, or cut short.
std::vector<DeviceInfo> devices_of(const cl::Platform& platform) {
  std::vector<DeviceInfo> infos;
  try {
    std::vector<cl::Device> devices;
    platform.getDevices(CL_DEVICE_TYPE_ALL, &devices);
    for (const cl::Device& device : devices) infos.push_back(describe(platform, device));
  } catch (const cl::Error&) {
  }
  mark_serial_devices(infos);
  for (std::size_t d = 0; d < infos.size(); ++d) infos[d].device = static_cast<int>(d);
  return infos;
}

std::string listing(const std::vector<DeviceInfo>& devices) {
  if (devices.empty()) return why_no_device();
  std::string text = "there are";
  for (const DeviceInfo& d : devices) {
    text += fmt::format("{} ocl:{}.{} ({}, {})", d.index ? "," : "", d.platform, d.device, to_string(d.device_class),
                        d.name);
  }
  return text;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

[[noreturn]] void refuse_spec(std::string_view spec) {
  throw UsageError(fmt::format(
      "device '{}': expected auto, cpu[:i], igpu[:i], gpu[:i] or ocl:PLATFORM.DEVICE, or a comma list of them", spec));
}

std::optional<DeviceClass> class_named(std::string_view name) {
  for (DeviceClass c : {DeviceClass::cpu, DeviceClass::igpu, DeviceClass::gpu}) {
    if (name == to_string(c)) return c;
  }
  return std::nullopt;
}

const DeviceInfo* find_in_class(DeviceClass wanted, int position, const std::vector<DeviceInfo>& devices) {
  for (const DeviceInfo& d : devices) {
    if (d.device_class == wanted && position-- == 0) return &d;
  }
  return nullptr;
}

const DeviceInfo* find_auto(const std::vector<DeviceInfo>& devices) {
  for (DeviceClass c : {DeviceClass::gpu, DeviceClass::igpu, DeviceClass::cpu}) {
    if (const DeviceInfo* found = find_in_class(c, 0, devices)) return found;
  }
  return nullptr;
}

const DeviceInfo* find_ocl(std::string_view spec, std::string_view position, const std::vector<DeviceInfo>& devices) {
  const std::size_t dot = position.find('.');
  if (dot == std::string_view::npos) refuse_spec(spec);
  const auto platform = number(position.substr(0, dot)), device = number(position.substr(dot + 1));
  if (!platform || !device) refuse_spec(spec);
  for (const DeviceInfo& d : devices) {
    if (d.platform == *platform && d.device == *device) return &d;
  }
  return nullptr;
}

const DeviceInfo* find(std::string_view spec, const std::vector<DeviceInfo>& devices) {
  if (spec == "auto") return find_auto(devices);
  const std::size_t colon = spec.find(':');
  const std::string_view head = spec.substr(0, colon);
  const std::string_view tail = colon == std::string_view::npos ? "0" : spec.substr(colon + 1);
  if (head == "ocl" && colon != std::string_view::npos) return find_ocl(spec, tail, devices);
  const auto device_class = class_named(head);
  const auto position = number(tail);
  if (!device_class || !position) refuse_spec(spec);
  return find_in_class(*device_class, *position, devices);
}

}  // namespace

std::string_view to_string(DeviceClass device_class) {
  switch (device_class) {
    case DeviceClass::cpu:
      return "cpu";
    case DeviceClass::igpu:
      return "igpu";
    case DeviceClass::gpu:
      return "gpu";
    default:
      return "other";
  }
}

std::string_view to_string(KernelClass kernels) {
  switch (kernels) {
    case KernelClass::cpu:
      return "cpu";
    case KernelClass::gpu:
      return "gpu";
    case KernelClass::reference:
      return "reference";
    default:
      return "auto";
  }
}

KernelClass DeviceInfo::kernel_class() const {
  if (kernels != KernelClass::automatic) return kernels;
  return device_class == DeviceClass::cpu ? KernelClass::cpu : KernelClass::gpu;
}

bool DeviceInfo::coarse_items() const {
  const KernelClass runs = kernel_class();
  return runs == KernelClass::cpu || (runs == KernelClass::reference && device_class == DeviceClass::cpu);
}

int DeviceInfo::channel_block() const {
  if (!coarse_items()) return 4;
  return native_float_width >= 16 ? 16 : native_float_width >= 8 ? 8 : 4;
}

std::string DeviceInfo::tuning_class() const { return fmt::format("{}-{}", to_string(device_class), channel_block()); }

std::vector<DeviceInfo> list_devices() {
  const std::vector<cl::Platform> platforms = all_platforms();
  std::vector<DeviceInfo> all;
  for (std::size_t p = 0; p < platforms.size(); ++p) {
    for (DeviceInfo& info : devices_of(platforms[p])) {
      info.index = static_cast<int>(all.size());
      info.platform = static_cast<int>(p);
      all.push_back(std::move(info));
    }
  }
  return all;
}

std::string why_no_device() {
  const std::vector<cl::Platform> platforms = all_platforms();
  if (platforms.empty()) return "there is no OpenCL device (is an OpenCL driver installed?)";
  std::string text = "there is no OpenCL device";
  for (const cl::Platform& platform : platforms) {
    std::string name;
    platform.getInfo(CL_PLATFORM_NAME, &name);
    name = trimmed(name);
    text += fmt::format("; the platform '{}' has none", name);
    if (name == "Portable Computing Language")
      text += ", as PoCL has none where it cannot write its cache (set POCL_CACHE_DIR to a folder that it can write)";
  }
  return text;
}

DeviceInfo select_device(std::string_view spec, const std::vector<DeviceInfo>& devices) {
  if (const DeviceInfo* found = find(spec, devices)) return *found;
  throw DeviceNotFoundError(fmt::format("device '{}': not there; {}", spec, listing(devices)));
}

std::vector<DeviceInfo> select_stage_devices(std::string_view specs, std::size_t stages,
                                             const std::vector<DeviceInfo>& devices) {
  std::vector<DeviceInfo> chosen;
  for (std::size_t start = 0; start <= specs.size();) {
    const std::size_t comma = std::min(specs.find(',', start), specs.size());
    chosen.push_back(select_device(specs.substr(start, comma - start), devices));
    start = comma + 1;
  }
  if (chosen.size() == 1) chosen.resize(stages, chosen.front());
  if (chosen.size() != stages) {
    throw UsageError(fmt::format("device list '{}' names {} devices for {} stages; expected one, or one per stage",
                                 specs, chosen.size(), stages));
  }
  return chosen;
}

}  // namespace cascadecl
