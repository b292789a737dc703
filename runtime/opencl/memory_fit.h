#pragma once
#include <functional>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Builds, on rehearsing handles, everything that is in memory at once with this batch size. devices: a handle for each
// of the caller's; entries that share a device share a handle.
using Rehearsal = std::function<void(const std::vector<Device>& devices, int batch)>;

// The largest batch size up to `asked` that fits: with it each of the rehearsals, alone, needs no more than the
// devices' global memory, and no array is larger than they allow. If that is less than asked, warns through the device
// that lacks the memory. Throws DeviceError if not even a batch of 1 fits.
int fitting_batch(int asked, const std::vector<Device>& devices, const std::vector<Rehearsal>& rehearsals);

// Throws DeviceError if `asked` does not fit. It names the bytes needed, the bytes that there are and the largest batch
// that fits.
void require_batch(int asked, const std::vector<Device>& devices, const std::vector<Rehearsal>& rehearsals);

}  // namespace cascadecl
