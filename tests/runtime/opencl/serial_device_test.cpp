#include "runtime/opencl/serial_device.h"

#include <doctest/doctest.h>

#include <optional>

#include "runtime/network/inference_plan.h"
#include "runtime/network/zoo.h"
#include "runtime/tuner/random_activation.h"
#include "runtime/tuner/serial_trial.h"
#include "tests/support/device_test.h"

namespace cascadecl::testing {
namespace {

// PoCL's processor with its serial device beside it; nothing, and a line that says so, where there is none: without
// PoCL, or beside other devices, or with those that the environment names.
std::optional<DeviceInfo> processor_with_serial_device() {
  request_serial_devices();
  for (const DeviceInfo& device : list_devices())
    if (device.serial) return device;
  MESSAGE("skipped: no PoCL that shows its device without threads");
  return std::nullopt;
}

std::vector<float> logits(const Device& device, const Network& network) {
  InferencePlan plan(device, network, initial_parameters(network, 7), 1);
  return device.read(plan.run(1, random_activation(device, network.input_shape(), 1, 0, Precision::fp32)),
                     static_cast<std::size_t>(network.classes()));
}

TEST_CASE("a serial device belongs to its processor and is not in the list") {
  const auto processor = processor_with_serial_device();
  if (!processor) return;
  CHECK(processor->serial->device_class == DeviceClass::cpu);
  CHECK(processor->serial->compute_units == 1);
  CHECK(processor->serial->name != processor->name);
  const std::vector<DeviceInfo> devices = list_devices();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    CHECK(devices[i].index == static_cast<int>(i));
    CHECK(devices[i].name != processor->serial->name);
    CHECK(select_device("ocl:" + std::to_string(devices[i].platform) + "." + std::to_string(devices[i].device), devices)
              .name == devices[i].name);
  }
}

TEST_CASE("a serial device computes the same bits") {
  const auto processor = processor_with_serial_device();
  if (!processor) return;
  const Network network = make_network("resnet-8", {3, 16, 16}, 10);
  CHECK(logits(Device(*processor->serial), network) == logits(Device(*processor), network));
}

TEST_CASE("a trial times both devices of a processor, weighing the networks") {
  const auto processor = processor_with_serial_device();
  if (!processor) return;
  const Device threads(*processor), serial(*processor->serial);
  const Network small = make_network("resnet-8", {3, 8, 8}, 10), large = make_network("resnet-20", {3, 32, 32}, 10);
  const SerialTrial one = try_serial(threads, serial, {small}, Precision::fp32);
  CHECK(one.threads_ms > 0);
  CHECK(one.serial_ms > 0);
  const SerialTrial both = try_serial(threads, serial, {small, large}, Precision::fp32);
  CHECK(both.threads_ms > one.threads_ms / 2);
  CHECK(both.serial_ms > one.serial_ms);  // resnet-20 takes 50 times its multiply-adds
}

TEST_CASE("the device that takes less time wins a trial") {
  CHECK(SerialTrial{.threads_ms = 2, .serial_ms = 1}.serial_wins());
  CHECK(!SerialTrial{.threads_ms = 1, .serial_ms = 2}.serial_wins());
  CHECK(!SerialTrial{.threads_ms = 1, .serial_ms = 1}.serial_wins());
}

}  // namespace
}  // namespace cascadecl::testing
