#include "runtime/opencl/memory_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// What a device lacks at some batch size.
struct Shortage {
  Device device;
  std::string text;  // "batches of 128 need 5 bytes of memory, the device has 4"
};

std::vector<Device> rehearsals_of(const std::vector<Device>& devices) {
  std::vector<Device> handles;
  for (const Device& device : devices) {
    const auto same = std::ranges::find_if(handles, [&](const Device& h) { return h.same_as(device); });
    const Device handle = same == handles.end() ? device.rehearsal() : *same;
    handles.push_back(handle);
  }
  return handles;
}

std::optional<Shortage> shortage(int batch, const std::vector<Device>& devices,
                                 const std::vector<Rehearsal>& rehearsals) {
  for (const Rehearsal& rehearse : rehearsals) {
    const std::vector<Device> handles = rehearsals_of(devices);
    rehearse(handles, batch);
    for (const Device& handle : handles) {
      const DeviceInfo& info = handle.info();
      if (handle.allocated_bytes() > info.global_memory_bytes) {
        return Shortage{handle, fmt::format("batches of {} need {} bytes of memory, the device has {}", batch,
                                            handle.allocated_bytes(), info.global_memory_bytes)};
      }
      if (handle.largest_array_bytes() > info.max_allocation_bytes) {
        return Shortage{handle, fmt::format("batches of {} need an array of {} bytes, the device allows {}", batch,
                                            handle.largest_array_bytes(), info.max_allocation_bytes)};
      }
    }
  }
  return std::nullopt;
}

// The largest batch below one that does not fit, 0 if none does.
int largest_below(int batch, const std::vector<Device>& devices, const std::vector<Rehearsal>& rehearsals) {
  int fits = 0;
  while (batch - fits > 1) {
    const int middle = fits + (batch - fits) / 2;
    (shortage(middle, devices, rehearsals) ? batch : fits) = middle;
  }
  return fits;
}

[[noreturn]] void fail(const Shortage& lack, const std::string& remedy) {
  throw DeviceError(fmt::format("device {}: {}; {}", lack.device.info().name, lack.text, remedy));
}

}  // namespace

int fitting_batch(int asked, const std::vector<Device>& devices, const std::vector<Rehearsal>& rehearsals) {
  const std::optional<Shortage> lack = shortage(asked, devices, rehearsals);
  if (!lack) return asked;
  const int batch = largest_below(asked, devices, rehearsals);
  if (batch == 0) fail(shortage(1, devices, rehearsals).value_or(*lack), "no batch fits");
  lack->device.warn(fmt::format("device {}: {}; batches of {} are run", lack->device.info().name, lack->text, batch));
  return batch;
}

void require_batch(int asked, const std::vector<Device>& devices, const std::vector<Rehearsal>& rehearsals) {
  const std::optional<Shortage> lack = shortage(asked, devices, rehearsals);
  if (!lack) return;
  const int batch = largest_below(asked, devices, rehearsals);
  fail(*lack, batch > 0 ? fmt::format("the largest batch that fits is {}", batch) : "no batch fits");
}

}  // namespace cascadecl
