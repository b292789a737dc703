#pragma once
#include <functional>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl::bench {

// The median seconds of a run of each item. Items take turns in rounds, so that a noisy machine hurts all alike; each
// round runs an item for about a tenth of `seconds`, at least once, and waits for the device after each run. A first
// run of each is not counted.
std::vector<double> medians(const Device& device, const std::vector<std::function<void()>>& items, double seconds);

}  // namespace cascadecl::bench
