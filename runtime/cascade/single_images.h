#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/network/description.h"
#include "runtime/opencl/device_info.h"

namespace cascadecl {

// On which of a processor's two devices images run that come one by one (runtime/opencl/serial_device.h), and why.
struct SingleImageChoice {
  bool serial = false;
  std::string reason;
};

// The rule, by the largest of the networks and the cores of the usual device, `threads`:
// - Below four cores one core computes the whole image on either device. The serial one saves the time in which a
//   thread wakes up, and runs images of up to 300 million multiply-adds.
// - From four cores on the usual device shares an image out among them. The serial one runs images of up to 20 million,
//   which take less time than waking the threads.
// - Kernels of another class than cpu are in small pieces, for threads.
SingleImageChoice choose_for_single_images(const DeviceInfo& threads, const std::vector<Network>& networks);

// The serial device of the same processor, if `devices` has one and `device` is a processor.
std::optional<DeviceInfo> serial_device_beside(const DeviceInfo& device, const std::vector<DeviceInfo>& devices);

}  // namespace cascadecl
