#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/open_device.h"
#include "cli/options.h"
#include "runtime/network/description.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// What devices are opened for: inference in networks, one for each stage, in batches of up to `batch` images.
struct InferenceUse {
  std::vector<Network> networks;
  int batch = 1;
};

struct OpenedDevices {
  std::vector<Device> devices;  // one for each stage
  std::string reason;           // for single images, why they run where they do; empty where there is no choice
};

// The flags of all commands that run kernels: --device and --kernel-class.
class DeviceFlags {
 public:
  // initial: the SPEC where --device is not given; empty for commands that may go without a device.
  explicit DeviceFlags(std::string initial = "auto") : device_(std::move(initial)) {}
  // each_stage: --device may be a comma list, one for each stage.
  void add_to(Options& options, bool each_stage);

  // The same for commands that share out work: --device may be a comma list of different devices.
  void add_list_to(Options& options, std::string_view what);

  // After parsing. Throw UsageError for a bad --device, DeviceNotFoundError if it is not there or cannot run the class.
  Device open() const;
  // As open_stages(), for inference. Where images come one by one, and --device is auto or cpu, it is the processor's
  // serial device if choose_for_single_images() says so; a line on stderr tells that, unless quiet.
  OpenedDevices open_for(const InferenceUse& use, const DeviceSettings& settings, bool quiet) const;
  std::optional<Device> open_if_named() const;  // nothing without a SPEC
  // After add_list_to(); UsageError if one is named twice.
  std::vector<Device> open_all(const DeviceSettings& settings = device_settings()) const;
  // Equal ones share a handle.
  std::vector<Device> open_stages(std::size_t stages, const DeviceSettings& settings = device_settings()) const;
  // As open_all(); for auto, all there are that can be opened, of each processor its usual device.
  std::vector<Device> open_candidates(const DeviceSettings& settings = device_settings()) const;

 private:
  void add(Options& options, const std::string& more);
  DeviceInfo with_class(DeviceInfo device) const;
  std::string device_;
  KernelClass kernels_ = KernelClass::automatic;
};

// The names of the devices, or of the kernel classes that they run, each once, in order: "NVIDIA A, AMD B".
std::string device_names(const std::vector<Device>& devices);
std::string kernel_class_names(const std::vector<Device>& devices);

}  // namespace cascadecl
