#include "runtime/opencl/serial_device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/network/inference_plan.h"
#include "runtime/network/zoo.h"
#include "runtime/ops/trials/random_activation.h"
#include "tests/support/device_test.h"

namespace cascadecl::testing {
namespace {

DeviceInfo pocl(const std::string& name) {
  DeviceInfo device;
  device.platform_name = "Portable Computing Language";
  device.name = name;
  return device;
}

std::vector<std::string> names_after_marking(std::vector<DeviceInfo> devices) {
  mark_serial_devices(devices);
  std::vector<std::string> names;
  for (const DeviceInfo& device : devices) names.push_back(device.name + (device.serial ? " (serial)" : ""));
  return names;
}

std::vector<float> logits(const Device& device, const Network& network) {
  InferencePlan plan(device, network, initial_parameters(network, 7), 1);
  return device.read(plan.run(1, random_activation(device, network.input_shape(), 1, 0, Precision::fp32)),
                     static_cast<std::size_t>(network.classes()));
}

using Names = std::vector<std::string>;

TEST_CASE("a serial device stands behind the device with threads and is marked") {
  CHECK(names_after_marking({pocl("basic-znver4"), pocl("pthread-znver4")}) ==
        Names{"pthread-znver4", "basic-znver4 (serial)"});
  CHECK(names_after_marking({pocl("cpu-minimal-znver4"), pocl("cpu-znver4")}) ==
        Names{"cpu-znver4", "cpu-minimal-znver4 (serial)"});
}

TEST_CASE("without the device with threads, and of other platforms, all devices stay as they are") {
  CHECK(names_after_marking({pocl("basic-znver4"), pocl("basic-znver4")}) == Names{"basic-znver4", "basic-znver4"});
  CHECK(names_after_marking({pocl("pthread-znver4")}) == Names{"pthread-znver4"});
  std::vector<DeviceInfo> others = {pocl("basic-znver4"), pocl("pthread-znver4")};
  for (DeviceInfo& device : others) device.platform_name = "Another";
  CHECK(names_after_marking(others) == Names{"basic-znver4", "pthread-znver4"});
}

TEST_CASE("a serial device computes the same bits as the one with threads") {
  if (std::getenv("POCL_DEVICES")) {
    MESSAGE("skipped: POCL_DEVICES is set");
    return;
  }
  show_serial_device();
  const std::vector<DeviceInfo> devices = list_devices();
  const auto serial = std::ranges::find_if(devices, &DeviceInfo::serial);
  if (serial == devices.end()) {
    const bool pocl = std::ranges::count(devices, "Portable Computing Language", &DeviceInfo::platform_name) > 0;
    const std::string reason = pocl ? "PoCL was in use before it was asked" : "there is no PoCL";
    MESSAGE("skipped: ", reason);
    return;
  }
  const DeviceInfo& threads = *std::prev(serial);
  CHECK(threads.device_class == DeviceClass::cpu);
  CHECK(serial->device_class == DeviceClass::cpu);
  CHECK(serial->compute_units == 1);
  const Network network = make_network("resnet-8", {3, 16, 16}, 10);
  CHECK(logits(Device(*serial), network) == logits(Device(threads), network));
}

}  // namespace
}  // namespace cascadecl::testing
