#include "cli/device_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "cli/lists.h"
#include "cli/open_device.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/single_images.h"
#include "runtime/opencl/time_limit.h"
#include "runtime/ops/kernel_class.h"

namespace cascadecl {
namespace {

std::string joined_once(const std::vector<std::string>& names) {
  std::string text;
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) == name) text += (text.empty() ? "" : ", ") + *name;
  }
  return text;
}

}  // namespace

void DeviceFlags::add_to(Options& options, bool each_stage) {
  add(options, each_stage ? "; a comma list gives each stage its own" : "");
}

void DeviceFlags::add_list_to(Options& options, std::string_view what) {
  add(options, fmt::format("; a comma list: {}", what));
}

void DeviceFlags::add(Options& options, const std::string& more) {
  const std::string help = "auto, cpu[:i], igpu[:i], gpu[:i] or ocl:PLATFORM.DEVICE" + more;
  options.add_text("device", device_, "SPEC", help);
  std::vector<std::pair<std::string, KernelClass>> classes;
  for (const KernelClass kernels :
       {KernelClass::automatic, KernelClass::cpu, KernelClass::gpu, KernelClass::reference}) {
    classes.emplace_back(to_string(kernels), kernels);
  }
  options.add_choice<KernelClass>("kernel-class", kernels_, classes,
                                  "kernels to run: auto takes those made for the device, reference takes plain loops");
}

DeviceInfo DeviceFlags::with_class(DeviceInfo device) const {
  device.kernels = kernels_;
  check_kernel_class(device);
  return device;
}

Device DeviceFlags::open() const {
  return Device(with_class(select_device(device_, usable_devices())), device_settings());
}

OpenedDevices DeviceFlags::open_for(const InferenceUse& use, const DeviceSettings& settings, bool quiet) const {
  OpenedDevices opened{open_stages(use.networks.size(), settings), {}};
  const bool names_class = device_ == "auto" || device_ == "cpu";
  if (use.batch > 1 || !names_class) return opened;
  const Device threads = opened.devices.front();
  const std::optional<DeviceInfo> serial = serial_device_beside(threads.info(), usable_devices());
  if (!serial) return opened;
  const SingleImageChoice choice = choose_for_single_images(threads.info(), use.networks);
  opened.reason = choice.reason;
  if (!choice.serial) return opened;
  note(fmt::format("{} runs: {}", serial->name, choice.reason), quiet);
  opened.devices.assign(use.networks.size(), Device(with_class(*serial), settings).with_tuning(threads.tuning()));
  return opened;
}

std::optional<Device> DeviceFlags::open_if_named() const {
  if (device_.empty()) return std::nullopt;
  return open();
}

std::vector<Device> DeviceFlags::open_all(const DeviceSettings& settings) const {
  const std::vector<DeviceInfo> usable = usable_devices();
  std::vector<Device> devices;
  for (const std::string& spec : split_words(device_)) {
    const DeviceInfo info = select_device(spec, usable);
    for (const Device& other : devices)
      if (other.info().platform == info.platform && other.info().device == info.device)
        throw UsageError(fmt::format("--device {}: {} is named twice", device_, info.name));
    devices.emplace_back(with_class(info), settings);
  }
  return devices;
}

std::vector<Device> DeviceFlags::open_stages(std::size_t stages, const DeviceSettings& settings) const {
  std::vector<DeviceInfo> devices = select_stage_devices(device_, stages, usable_devices());
  for (DeviceInfo& device : devices) device = with_class(std::move(device));
  return open_stage_devices(devices, settings);
}

std::vector<Device> DeviceFlags::open_candidates(const DeviceSettings& settings) const {
  std::vector<DeviceInfo> all = usable_devices();
  std::erase_if(all, [](const DeviceInfo& device) { return device.serial; });  // no processor is a candidate twice
  if (device_ != "auto" || all.empty()) return open_all(settings);
  std::vector<Device> devices;
  std::exception_ptr failure;
  for (const DeviceInfo& info : all) {
    try {
      devices.emplace_back(with_class(info), settings);
    } catch (const Error& error) {
      failure = std::current_exception();
      settings.warning(fmt::format("left out of the placement: {}", error.what()));
    }
  }
  if (devices.empty()) std::rethrow_exception(failure);
  return devices;
}

std::string device_names(const std::vector<Device>& devices) {
  std::vector<std::string> names;
  for (const Device& device : devices) names.push_back(device.info().name);
  return joined_once(names);
}

std::string kernel_class_names(const std::vector<Device>& devices) {
  std::vector<std::string> names;
  for (const Device& device : devices) names.emplace_back(to_string(device.info().kernel_class()));
  return joined_once(names);
}

}  // namespace cascadecl
