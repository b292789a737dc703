#include "runtime/cascade/single_images.h"

#include <fmt/format.h>

#include <algorithm>

namespace cascadecl {

SingleImageChoice choose_for_single_images(const DeviceInfo& threads, const std::vector<Network>& networks) {
  if (threads.kernel_class() != KernelClass::cpu)
    return {false,
            fmt::format("kernels of the class {} run on the device with threads", to_string(threads.kernel_class()))};
  const auto macs = [](const Network& network) { return network.macs(); };
  const Network& largest = *std::ranges::max_element(networks, {}, macs);
  const double mmac = static_cast<double>(largest.macs()) / 1e6;
  const int most = threads.compute_units < 4 ? 300 : 20;
  const bool serial = mmac <= most;
  return {serial,
          fmt::format(
              "on {} cores, single images of {} {} million multiply-adds run on the device {} threads; {} takes {:.0f}",
              threads.compute_units, serial ? "up to" : "more than", most, serial ? "without" : "with", largest.name(),
              mmac)};
}

std::optional<DeviceInfo> serial_device_beside(const DeviceInfo& device, const std::vector<DeviceInfo>& devices) {
  for (const DeviceInfo& other : devices)
    if (other.serial && other.platform == device.platform && device.device_class == DeviceClass::cpu) return other;
  return std::nullopt;
}

}  // namespace cascadecl
