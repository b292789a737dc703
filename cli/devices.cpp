#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "data/files/error.h"
#include "runtime/opencl/device_info.h"
#include "runtime/opencl/half_arithmetic.h"

namespace cascadecl {
namespace {

std::optional<int> automatic_choice(const std::vector<DeviceInfo>& devices) {
  try {
    return select_device("auto", devices).index;
  } catch (const DeviceNotFoundError&) {
    return std::nullopt;
  }
}

// A device that cannot even be opened is listed as well.
HalfArithmetic half_arithmetic(const DeviceInfo& device) {
  try {
    return probe_half_arithmetic(Device(device, device_settings()));
  } catch (const DeviceError& error) {
    return {false, error.what()};
  }
}

nlohmann::ordered_json to_json(const DeviceInfo& device, const HalfArithmetic& half) {
  return {{"index", device.index},
          {"spec", fmt::format("ocl:{}.{}", device.platform, device.device)},
          {"class", to_string(device.device_class)},
          {"name", device.name},
          {"vendor", device.vendor},
          {"platform", device.platform_name},
          {"opencl_version", device.opencl_version},
          {"driver_version", device.driver_version},
          {"compute_units", device.compute_units},
          {"native_float_width", device.native_float_width},
          {"channel_block", device.channel_block()},
          {"global_memory_bytes", device.global_memory_bytes},
          {"local_memory_bytes", device.local_memory_bytes},
          {"max_allocation_bytes", device.max_allocation_bytes},
          {"max_work_group_size", device.max_work_group_size},
          {"serial", device.serial},
          {"fp64", device.fp64},
          {"fp16", device.fp16},
          {"fp16_arithmetic", half.works},
          {"fp16_arithmetic_reason", half.works ? nlohmann::ordered_json() : nlohmann::ordered_json(half.reason)}};
}

std::string to_text(const std::vector<DeviceInfo>& devices, std::optional<int> automatic) {
  if (devices.empty()) return why_no_device() + "\n";
  Table table({"index", "<spec", "<class", "<name", "units", "memory", "vector", "<driver", "<platform",
               "<fp16 arithmetic", "<auto"});
  for (const DeviceInfo& device : devices) {
    table.add_row({std::to_string(device.index), fmt::format("ocl:{}.{}", device.platform, device.device),
                   std::string(to_string(device.device_class)), device.name, std::to_string(device.compute_units),
                   bytes(static_cast<double>(device.global_memory_bytes)), std::to_string(device.native_float_width),
                   device.driver_version, device.platform_name, half_arithmetic(device).works ? "yes" : "no",
                   automatic == device.index ? "*"
                   : device.serial           ? "single images"
                                             : ""});
  }
  return table.text();
}

}  // namespace

void run_devices(const Arguments& arguments) {
  Options options(
      "devices [flags]",
      "Lists all OpenCL devices of all platforms, and which of them --device auto takes. The second device of a\n"
      "processor, without threads, is for single images of small networks.");
  if (!options.parse(arguments)) return print(options.help());
  const std::vector<DeviceInfo> devices = usable_devices();
  const std::optional<int> automatic = automatic_choice(devices);
  if (!options.json()) return print(to_text(devices, automatic));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const DeviceInfo& device : devices) list.push_back(to_json(device, half_arithmetic(device)));
  print_json({{"devices", list}, {"auto", automatic ? nlohmann::ordered_json(*automatic) : nullptr}});
}

}  // namespace cascadecl
