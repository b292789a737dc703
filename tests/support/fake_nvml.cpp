// A stand-in for libnvidia-ml.so.1 with one GPU. With FAKE_NVML_OLD it lacks the energy counter, as old drivers do.
#include "tests/support/fake_nvml.h"

#include <cstring>

namespace {
FakeNvmlState state;
char gpu;  // its address is the device handle
}  // namespace

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
  if (std::strcmp(bus_id, state.bus_id) != 0) return 6;
  *device = &gpu;
  return 0;
}

int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  if (device != &gpu) return 2;
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
  if (device != &gpu) return 2;
  *energy_mj = state.energy_mj;
  return state.energy_status;
}
#endif
}
