#pragma once
#include <algorithm>
#include <cstddef>

#include "runtime/opencl/device_info.h"

namespace cascadecl {

// The facts of a device that the tunables of a kernel depend on, besides its geometry.
struct TuningTarget {
  int block = 16;                // channels that lie together in memory
  bool coarse_items = true;      // a work-item is given a large piece of work
  std::size_t local_memory = 0;  // bytes that a kernel may take: some drivers promise more than they can launch
  std::size_t work_group = 1;    // items of the largest work-group

  static TuningTarget of(const DeviceInfo& device) {
    constexpr std::size_t largest_local_memory = 256 * 1024;
    return {device.channel_block(), device.coarse_items(), std::min(device.local_memory_bytes, largest_local_memory),
            device.max_work_group_size};
  }
};

}  // namespace cascadecl
