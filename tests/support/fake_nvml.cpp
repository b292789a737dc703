// A stand-in for libnvidia-ml.so.1 with two GPUs. With FAKE_NVML_OLD it lacks the energy counter, as old drivers do.
#include "tests/support/fake_nvml.h"

#include <cstring>

namespace {
FakeNvmlState state;
char gpu, second_gpu;  // their addresses are the device handles
}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the names are the library's
extern "C" {

FakeNvmlState* fake_nvml_state() { return &state; }

int nvmlInit_v2() {
  if (state.init_status == 0) ++state.sessions;
  return state.init_status;
}

int nvmlShutdown() {
  --state.sessions;
  return 0;
}

const char* nvmlErrorString(int status) {
  switch (status) {
    case 4:
      return "Insufficient Permissions";
    case 6:
      return "Not Found";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    default:
      return "Other";
  }
}

int nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, void** device) {
  if (std::strcmp(bus_id, state.bus_id) == 0)
    *device = &gpu;
  else if (std::strcmp(bus_id, state.second.bus_id) == 0)
    *device = &second_gpu;
  else
    return 6;
  return 0;
}

int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  if (device != &gpu && device != &second_gpu) return 2;
  std::strncpy(name, "Fake GPU", length);
  return 0;
}

int nvmlDeviceGetPowerUsage(void* device, unsigned* power_mw) {
  if (device != &gpu) return 2;
  *power_mw = state.power_mw;
  return state.power_status;
}

#ifndef FAKE_NVML_OLD
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* energy_mj) {
  if (device == &second_gpu) {
    *energy_mj = state.second.energy_mj;
    return 0;
  }
  if (device != &gpu) return 2;
  *energy_mj = state.energy_mj;
  return state.energy_status;
}

int nvmlDeviceGetClockInfo(void* device, int type, unsigned* mhz) {
  if (device != &gpu || type != 1) return 2;
  *mhz = state.clock_mhz;
  return 0;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* reasons) {
  if (device != &gpu) return 2;
  *reasons = state.throttle_reasons;
  return 0;
}
#endif
}
// NOLINTEND(readability-identifier-naming)
