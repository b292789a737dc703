#pragma once
#include <vector>

#include "runtime/network/description.h"
#include "runtime/opencl/device.h"
#include "runtime/ops/precision.h"

namespace cascadecl {

// How long an image that comes alone takes, host waiting, on the two devices of one processor: on the one with threads,
// and on the one that runs all in the calling thread (serial_device.h).
struct SerialTrial {
  double threads_ms = 0, serial_ms = 0;
  bool serial_wins() const { return serial_ms < threads_ms; }
};

// Times a random image in the networks of a cascade, with random weights, in turns on both devices; of each the median.
// Half of the images are taken to go on after each network, so that their times count 1, 1/2, 1/4, ...
// Where an image takes so long that waking a thread does not matter, the serial device is not tried and counts as
// equal.
SerialTrial try_serial(const Device& threads, const Device& serial, const std::vector<Network>& networks,
                       Precision precision);

}  // namespace cascadecl
